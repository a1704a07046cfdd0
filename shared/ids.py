"""Identifiers: UUIDv7 (RFC 9562), whose first 48 bits are the millisecond of their making; and request ids.

On the path of every token, so that randomness is drawn from the system for many of them at once. None is a secret.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime

from shared.clock import unix_nanoseconds

_BYTES, _AT_ONCE = 16, 256
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}  # RFC 9562 4.1
_random: list[bytes] = []
_last = 0  # milliseconds / 4096 of the last one: one process's ids sort by their making, whatever the clock does


def new_id() -> uuid.UUID:
    """A fresh UUIDv7: sorts by time, so that indexes and range partitions follow it.

    RFC 9562 6.2, method 3: the 12 bits after the millisecond are its fraction.
    """
    return uuid.UUID(new_id_text())


def new_id_text() -> str:
    """The same as text."""
    global _last  # noqa: PLW0603 - the counter of RFC 9562 6.2
    instant = unix_nanoseconds() * 4096 // 1_000_000
    if instant <= _last:
        instant = _last + 1
    _last = instant
    random = _draw().hex()
    time = f"{instant:015x}"
    return f"{time[:8]}-{time[8:12]}-7{time[12:]}-{_VARIANT[random[0]]}{random[1:4]}-{random[4:16]}"


def new_request_id() -> str:
    """128 random bits in hex."""
    return _draw().hex()


def made_at(identifier: uuid.UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def _draw() -> bytes:
    """Random bytes that nobody else gets: `pop` is atomic, and a forked child starts without its parent's."""
    try:
        return _random.pop()
    except IndexError:
        block = os.urandom(_BYTES * _AT_ONCE)
        _random.extend(block[at : at + _BYTES] for at in range(_BYTES, len(block), _BYTES))
        return block[:_BYTES]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.clear)
