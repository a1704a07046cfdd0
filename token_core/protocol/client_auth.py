"""RFC 6749 2.3: which client says it is there, and by which one method. Nothing is believed yet."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final, NamedTuple

from token_core.errors import InvalidClient, InvalidRequest
from token_core.protocol.form import form_decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BASIC: Final = "client_secret_basic"
POST: Final = "client_secret_post"
NONE: Final = "none"
METHODS: Final = (BASIC, POST, NONE)
"""RFC 7591 names; discovery advertises these."""

MAX_CLIENT_ID = 256
_MAX_SECRET = 512
_UNKNOWN = (b"\x00" * 32,)  # what an unknown client's secret is compared with, so that it costs the same


class UnverifiedClient(NamedTuple):
    method: str
    client_id: str
    secret: str | None


def read_client(authorization: bytes | None, parameters: Mapping[str, str]) -> UnverifiedClient:
    """What the request presents.

    Raises:
        InvalidClient: no client at all, or a header that can't be read.
        InvalidRequest: more than one method (RFC 6749 2.3), or two different client ids.
    """
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if "client_assertion" in parameters or "client_assertion_type" in parameters:
        raise InvalidClient("Client assertions are not supported.", detail="client_assertion")
    if authorization is not None:
        if secret is not None:
            raise InvalidRequest("Use one client authentication method, not two.", detail="two_auth_methods")
        presented = _read_basic(authorization)
        if client_id is not None and client_id != presented.client_id:
            raise InvalidRequest("client_id differs from the one in the Authorization header.", detail="two_client_ids")
        return presented
    if client_id is None:
        raise InvalidClient(detail="no_client")
    if len(client_id) > MAX_CLIENT_ID or (secret is not None and len(secret) > _MAX_SECRET):
        raise InvalidClient(detail="oversized_credentials")
    return UnverifiedClient(NONE if secret is None else POST, client_id, secret)


def _read_basic(authorization: bytes) -> UnverifiedClient:
    """RFC 7617, with both halves form-urlencoded first (RFC 6749 2.3.1)."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        raise InvalidClient("Use the Basic scheme.", detail="auth_scheme")
    try:
        raw_id, colon, raw_secret = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        client_id, secret = form_decode(raw_id), form_decode(raw_secret)
    except (binascii.Error, InvalidRequest) as error:
        raise InvalidClient("The Authorization header can't be read.", detail="bad_basic") from error
    if not colon or not client_id or len(client_id) > MAX_CLIENT_ID or len(secret) > _MAX_SECRET:
        raise InvalidClient("The Authorization header can't be read.", detail="bad_basic")
    return UnverifiedClient(BASIC, client_id, secret)


def is_secret_right(secret: str | None, hashes: Sequence[bytes] | None) -> bool:
    """Whether `secret` is one of those hashed; the same work whether or not there is such a client.

    Args:
        hashes: SHA-256 of the live secrets; None or empty where there is no client or no secret.
    """
    presented = hashlib.sha256((secret or "").encode()).digest()
    right = False
    for known in hashes or _UNKNOWN:
        right |= hmac.compare_digest(presented, known)
    return right and bool(hashes) and secret is not None
