"""Where a request came from, believing only the proxies that were configured (BRIEF decision 9)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

UNKNOWN_ADDRESS = "unknown"


def client_address(peer: str | None, forwarded_for: Sequence[str], trusted_hops: int) -> str:
    """The client's address.

    Args:
        peer: the other end of the connection.
        forwarded_for: every X-Forwarded-For header, in order; each proxy appends whom it saw.
        trusted_hops: how many proxies of ours stand in front. None of what is left of theirs is believed.
    """
    hops = [hop.strip() for header in forwarded_for for hop in header.split(",")]
    if trusted_hops == 0 or len(hops) < trusted_hops:
        return peer or UNKNOWN_ADDRESS
    try:
        return str(ip_address(hops[-trusted_hops]))
    except ValueError:
        return peer or UNKNOWN_ADDRESS
