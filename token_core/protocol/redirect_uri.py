"""RFC 6749 3.1.2, RFC 9700 2.1, RFC 8252 7.3: a redirect URI is one that was registered, character for character.

The exception: an http URI of a loopback address may have any port: native applications get theirs from the system.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?((?:/[^#]*)?)")
_MAX_PORT = 65_535


def is_registered_redirect_uri(uri: str, registered: Iterable[str]) -> bool:
    """Whether the client may have its answer sent there."""
    known = tuple(registered)
    if uri in known:
        return True
    wanted = _without_port(uri)
    return wanted is not None and any(_without_port(candidate) == wanted for candidate in known)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Host and path with query of a loopback URI; None for all others. `localhost` is no address (RFC 8252 8.3)."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None or (match[2] is not None and not 0 < int(match[2]) <= _MAX_PORT):
        return None
    return match[1], match[3]
