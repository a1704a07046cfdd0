"""An authorization request on its detour through the hosted pages: sealed into the URL, kept nowhere.

So a lost Redis loses no sign-in that is under way, and there is no address in it to be redirected to: the request goes
through every check of the authorization endpoint again when the person comes back. The seal adds what the client can't
say itself: when the request came, so that a sign-in made since then satisfies prompt=login and max_age.
"""

from __future__ import annotations

import hmac
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from token_core.protocol.authorization_request import MAX_REQUEST_CHARACTERS

PENDING_LIFETIME = timedelta(hours=1)
_MAC_BYTES = 32
_MAX_SEALED_CHARACTERS = 16_000
_MAX_OPENED_BYTES = 20 * MAX_REQUEST_CHARACTERS  # each can become 16 bytes of JSON: an escaped pair, and its marks


class PendingExpired(Exception):
    """The request is too old, or was not sealed here: it has to come from the application again."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    pairs: tuple[tuple[str, str], ...]
    requested_at: datetime


def seal_pending(key: bytes, pending: PendingRequest, *, endpoint: str = "authorize") -> str:
    """What is sealed for one endpoint opens at no other."""
    content = {"at": int(pending.requested_at.timestamp() * 1_000_000), "pairs": pending.pairs}
    body = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)
    return urlsafe_b64encode(_mac(key, endpoint, body) + body).rstrip(b"=").decode()


def open_pending(key: bytes, sealed: str, now: datetime, *, endpoint: str = "authorize") -> PendingRequest:
    """Raises `PendingExpired` for whatever isn't a fresh request sealed with this key."""
    if len(sealed) > _MAX_SEALED_CHARACTERS or not sealed.isascii():
        raise PendingExpired
    try:
        raw = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    except ValueError:
        raise PendingExpired from None
    mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, endpoint, body)):
        raise PendingExpired
    content = json.loads(zlib.decompressobj().decompress(body, _MAX_OPENED_BYTES))
    requested_at = datetime.fromtimestamp(content["at"] / 1_000_000, UTC)
    if now - requested_at > PENDING_LIFETIME:
        raise PendingExpired
    return PendingRequest(tuple((name, value) for name, value in content["pairs"]), requested_at)


def _mac(key: bytes, endpoint: str, body: bytes) -> bytes:
    return hmac.digest(key, f"pending request\0{endpoint}\0".encode() + body, "sha256")
