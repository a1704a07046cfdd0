"""The Fetch standard's CORS, for registered browser clients. No cookies ever: credentials are never allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, x-request-id"),
    (b"access-control-max-age", b"600"),
]
_EXPOSED = (b"access-control-expose-headers", b"www-authenticate, retry-after, x-request-id")
VARY = (b"vary", b"origin")


def response_headers(origin: bytes | None, allowed_origins: Iterable[str]) -> Headers:
    """What an answer to `origin` carries: its own name if it is registered, nothing of it otherwise."""
    if origin is None or not _is_in(origin, allowed_origins):
        return [VARY]
    return [VARY, (b"access-control-allow-origin", origin), _EXPOSED]


def preflight_headers(origin: bytes | None, allowed_origins: Iterable[str]) -> Headers:
    """The answer to OPTIONS; the client isn't known yet, so any client's registered origin may go on to ask."""
    if origin is None or not _is_in(origin, allowed_origins):
        return [VARY]
    return [VARY, (b"access-control-allow-origin", origin), *_PREFLIGHT]


def public_headers() -> Headers:
    """For documents that are the same for everyone (discovery, JWKS)."""
    return [(b"access-control-allow-origin", b"*")]


def _is_in(origin: bytes, allowed_origins: Iterable[str]) -> bool:
    return origin.decode("latin-1") in allowed_origins
