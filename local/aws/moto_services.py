"""moto for the services with little state, which it keeps in memory: here each change is on disk before it is answered.

After a request that may have changed something, the state of that service (moto's backend object for account and
region) is pickled into the database; at start it is put back. Pickles fit the moto version that is pinned; a state that
does not load stops the start with an error that names it, rather than losing a key in silence.
"""

from __future__ import annotations

import io
import logging
import os
import pickle
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from local.aws.caller import json_error
from local.aws.wsgi import call_wsgi

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from local.aws.caller import Caller
    from local.aws.database import Database

# Signing name -> the moto backends whose state lasts. Any other service works too, in memory.
_LASTING = {
    "kms": ("kms",),
    "secretsmanager": ("secretsmanager",),
    "glue": ("glue",),
    "ses": ("ses",),
    "events": ("events",),
    "scheduler": ("scheduler",),
    "ssm": ("ssm",),
    "iam": ("iam",),
}
_READS = (
    *("Get", "List", "Describe", "BatchGet", "Search", "Query", "Head", "Test", "Simulate", "Validate"),
    *("Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "GenerateDataKey", "GenerateMac", "GenerateRandom"),
    "DeriveSharedSecret",
)
_log = logging.getLogger(__name__)


class StateNotLoadedError(RuntimeError):
    """A service's kept state does not load."""


class MotoServices:
    """moto's own dispatcher, one request at a time for each service (moto takes no locks).

    Args:
        account_id: moto reads it from the environment, once, at its import.
    """

    def __init__(self, database: Database, account_id: str, region: str) -> None:
        os.environ["MOTO_ACCOUNT_ID"] = account_id
        from moto.backends import get_backend  # noqa: PLC0415 - after its environment
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._get_backend: Any = get_backend
        self._dispatcher = DomainDispatcherApplication(create_backend_app)
        self._database = database
        self._account_id = account_id
        self._region = region
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._restore()

    def backend(self, service: str, region: str | None = None) -> Any:
        """Moto's backend object."""
        backends = self._get_backend(service)[self._account_id]
        return backends["aws" if service == "iam" else region or self._region]

    def call(self, request: Request, body: bytes, caller: Caller) -> Response:
        """Answer the request, in the caller's thread."""
        operation = operation_of(request, body)
        with self._locks[caller.service]:
            try:
                response = call_wsgi(self._dispatcher, request, body)
            except Exception:  # noqa: BLE001 - moto runs in debug mode: whatever it did not foresee comes out here
                _log.exception("%s %s failed", caller.service, operation)
                return json_error("InternalFailure", "The local endpoint failed on this request.", 500)
            if response.status_code < 400 and not operation.startswith(_READS):
                for service in _LASTING.get(caller.service, ()):
                    self.save(service, caller.region)
        return response

    def save(self, service: str, region: str) -> None:
        """Keep the service's state; durable when it returns."""
        state = _dump(dict(self.backend(service, region).__dict__))
        with self._database.transaction() as db:
            values = [service, self._account_id, region, state]
            db.execute("INSERT OR REPLACE INTO service_states VALUES (?, ?, ?, ?)", values)

    def _restore(self) -> None:
        for row in self._database.reader.execute("SELECT * FROM service_states WHERE account = ?", [self._account_id]):
            try:
                state = pickle.loads(row["state"])  # noqa: S301 - our own file
            except Exception as error:
                raise StateNotLoadedError(f"the kept state of {row['service']} does not load: {error}") from error
            self.backend(row["service"], row["region"]).__dict__.update(state)


def operation_of(request: Request, body: bytes) -> str:
    """The operation's name; for REST protocols the method stands for it (GET reads)."""
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return "Get" if request.method in {"GET", "HEAD"} else request.method


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            pem = value.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            return _load_key, (pem,)
        return NotImplemented


def _load_key(pem: bytes) -> object:
    return serialization.load_pem_private_key(pem, None)


def _dump(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(state)
    return buffer.getvalue()
