"""The only reader of the clock, so that tests can hold it still."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The current instant, in UTC with microseconds."""
    return datetime.now(UTC)


def unix_now() -> int:
    """Seconds since 1970 (RFC 7519 NumericDate), whole."""
    return int(time.time())


def unix_nanoseconds() -> int:
    """Nanoseconds since 1970: for identifiers that sort by time."""
    return time.time_ns()


def monotonic_seconds() -> float:
    """Seconds on a clock that never goes back: for durations and deadlines."""
    return time.monotonic()


def rfc3339(instant: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ`: the one way a time is written in events."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
