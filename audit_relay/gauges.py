"""Measures what waits before each of the relay's steps, for metrics and `make status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_relay.leases import position_of
from shared.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit_relay.metrics import Metrics
    from audit_relay.postgres import Session, Transaction
    from audit_relay.redis_stream import AuditStream

MEASURE_SECONDS = 5.0

_OUTBOX = """
SELECT shard, count(*) AS depth, extract(epoch FROM clock_timestamp() - min(created_at)) AS oldest
  FROM outbox WHERE segment_id IS NULL GROUP BY shard
"""
_SEGMENTS = """
SELECT shard, count(*) AS depth, extract(epoch FROM clock_timestamp() - min(sealed_at)) AS oldest
  FROM sealed_segments WHERE state = 'sealed' GROUP BY shard
"""
_MAILS = """
SELECT '' AS shard, count(*) AS depth, extract(epoch FROM clock_timestamp() - min(created_at)) AS oldest
  FROM email_log WHERE state = 'queued'
"""
_STEPS = {"outbox": _OUTBOX, "segments": _SEGMENTS, "mails": _MAILS}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits before a step. `step` is outbox, stream, segments or mails; a stream's depth is in entries."""

    step: str
    shard: str
    depth: int
    oldest_seconds: float


def waiting_in_postgres(transaction: Transaction) -> list[Waiting]:
    """Outbox rows to seal, segments to send, mails to hand over. Reads partial indexes that hold only these."""
    return [
        Waiting(step, str(row["shard"]), row["depth"], max(0.0, float(row["oldest"] or 0)))
        for step, statement in _STEPS.items()
        for row in transaction.execute(statement).fetchall()
    ]


def waiting_in_stream(transaction: Transaction, shard: int, stream: AuditStream) -> Waiting:
    """Entries in one shard of the stream, and the age of the oldest that is not sealed.

    Raises:
        redis.RedisError: Redis can't be reached.
    """
    name = f"stream/{shard}"
    depth, oldest = stream.waiting(position_of(transaction, name).cursor)
    age = 0.0 if oldest is None else max(0.0, utc_now().timestamp() - oldest)
    return Waiting("stream", str(shard), depth, age)


class Gauges:
    """Keeps the gauges fresh; a step that is empty is set back to 0."""

    def __init__(self, session: Session, streams: Mapping[int, AuditStream], metrics: Metrics) -> None:
        self._session = session
        self._streams = streams
        self._metrics = metrics
        self._seen: set[tuple[str, str]] = set()

    def step(self) -> float:
        with self._session.transaction() as transaction:
            self._show(waiting_in_postgres(transaction))
        for shard, stream in self._streams.items():  # last, so that a Redis that is down hides nothing else
            with self._session.transaction() as transaction:
                each = waiting_in_stream(transaction, shard, stream)
            self._metrics.waiting(each.step, each.shard, each.depth, each.oldest_seconds)
        return MEASURE_SECONDS

    def _show(self, measured: list[Waiting]) -> None:
        found = {(each.step, each.shard) for each in measured}
        for each in measured:
            self._metrics.waiting(each.step, each.shard, each.depth, each.oldest_seconds)
        for step, shard in self._seen - found:
            self._metrics.waiting(step, shard, 0, 0)
        self._seen |= found
