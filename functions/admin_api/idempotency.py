"""Idempotency-Key on creates: a request repeated after a lost answer has one effect.

What is kept is the key's hash and the name of what was made, never the answer, which may hold a secret or a person.
The repetition is answered with what was made as it is now, and `idempotency-replayed: true`; a secret is not shown
again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from functions.admin_api.problems import ProblemError, invalid_field
from shared.database.steps import Statement, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from starlette.requests import Request
    from starlette.responses import Response

    from functions.admin_api.changes import Change
    from shared.database.steps import Steps

HEADER = "idempotency-key"
KEPT = timedelta(days=1)
_KEY = re.compile(r"[\x21-\x7e]{8,128}")


def create_once(
    change: Change, request: Request, response: Response, body: BaseModel, create: Callable[[], str]
) -> tuple[str, bool]:
    """What `create` made, or what it made when the same request came before; and whether it was made now.

    Raises:
        ProblemError: 400 for a key that is none, 422 for one that was used for another request.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return create(), True
    if _KEY.fullmatch(given) is None:
        raise invalid_field("Idempotency-Key", "8 to 128 printable ASCII characters")
    key_hash = hashlib.sha256(f"{change.caller.subject}\0{given}".encode()).digest()
    described = f"{request.method}\0{request.url.path}\0{body.model_dump_json()}"
    request_hash = hmac.digest(change.services.pseudonym_key, described.encode(), "sha256")
    made = run(change.session, _find(change, key_hash, request_hash))
    if made is not None:
        response.headers["idempotency-replayed"] = "true"
        return made, False
    made = create()
    run(change.session, _keep(key_hash, request_hash, made))
    return made, True


def _find(change: Change, key_hash: bytes, request_hash: bytes) -> Steps[str | None]:
    # who repeats while the first is still at work waits for it here
    yield Statement("SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 3))", {"key": key_hash.hex()})
    yield Statement(
        "DELETE FROM idempotent_creates WHERE created_at < %(before)s", {"before": change.recording.now - KEPT}
    )
    rows = yield Statement(
        "SELECT request_hash, made FROM idempotent_creates WHERE key_hash = %(key)s", {"key": key_hash}
    )
    if not rows:
        return None
    if bytes(rows[0][0]) != request_hash:
        raise ProblemError(
            422, "idempotency_key_reused", "this Idempotency-Key came with another request",
            [{"field": "Idempotency-Key", "problem": "used for another request"}],
        )  # fmt: skip
    made: str = rows[0][1]
    return made


def _keep(key_hash: bytes, request_hash: bytes, made: str) -> Steps[None]:
    yield Statement(
        "INSERT INTO idempotent_creates (key_hash, request_hash, made) VALUES (%(key)s, %(request)s, %(made)s)",
        {"key": key_hash, "request": request_hash, "made": made},
    )
