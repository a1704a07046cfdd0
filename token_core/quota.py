"""Failure events have a quota, so that junk can't crowd out successes; beyond it they are only counted."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from events.payloads.audit import FailuresCounted
from shared.clock import monotonic_seconds, rfc3339, utc_now
from token_core.metrics import failures_over_quota

MAX_REASONS = 200  # reasons are codes of ours; this bounds them whatever happens


class FailureQuota:
    """A token bucket for one worker.

    Args:
        per_second: events that are recorded one by one.
        burst: how many of them at once.
        window_seconds: how often the counts are flushed.
    """

    def __init__(self, per_second: float, burst: int, window_seconds: float = 10.0) -> None:
        self._per_second, self._burst, self.window_seconds = per_second, burst, window_seconds
        self._left, self._at = float(burst), monotonic_seconds()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._since: datetime = utc_now()

    def admits(self, event_type: str, reason: str) -> bool:
        """Whether this failure may be an event of its own; if not, it is counted."""
        now = monotonic_seconds()
        self._left = min(float(self._burst), self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return True
        self.count(event_type, reason)
        return False

    def count(self, event_type: str, reason: str) -> None:
        failures_over_quota.inc()
        key = (event_type, reason)
        if key not in self._counts and len(self._counts) >= MAX_REASONS:
            key = (event_type, "other")
        self._counts[key] += 1

    def take_counts(self) -> list[FailuresCounted]:
        """What was counted since the last time, which is now over."""
        counts, since, now = self._counts, self._since, utc_now()
        self._counts, self._since = Counter(), now
        return [
            FailuresCounted(
                type=event_type, reason=reason, count=count, window_start=rfc3339(since), window_end=rfc3339(now)
            )
            for (event_type, reason), count in counts.items()
        ]

    def put_back(self, counted: FailuresCounted) -> None:
        """It could not be made durable: count it again, from its own start on."""
        self._counts[counted.type, counted.reason or "other"] += counted.count
        self._since = min(self._since, datetime.fromisoformat(counted.window_start))
