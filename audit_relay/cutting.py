"""Turns chained events into a segment that fits one SQS message, and records it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from events.segment import MAX_ENCODED_BYTES, MAX_EVENTS, Run, Segment, SegmentTooLargeError, encode
from shared.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from audit_relay.postgres import Transaction
    from events.envelope import Event, SealedEvent

MAX_EVENT_BYTES = 480 * 1024
"""An event that fits a segment alone, even where it can't be compressed: base64 makes four bytes of three."""
UNKNOWN_HASH = ""
"""A run's `previous_hash` where what comes before it was never seen: the reader sees a gap, not a proof."""

_RECORD = """
INSERT INTO sealed_segments
       (id, shard, state, runs, event_count, body, stream_epoch, stream_first_id, stream_last_id, sealed_at)
VALUES (%(id)s, %(shard)s, 'sealed', %(runs)s, %(event_count)s, %(body)s, %(epoch)s, %(first_id)s, %(last_id)s,
        %(sealed_at)s)
"""


@dataclass(frozen=True, slots=True)
class Link:
    """An event at its place in its producer's chain. `previous_hash` is hex, or UNKNOWN_HASH."""

    sealed: SealedEvent
    previous_hash: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A segment and its message. `taken` of the offered links are in it."""

    segment: Segment
    body: str
    taken: int


class Sizing:
    """How many events to try next: as many as would have fitted the last time."""

    def __init__(self) -> None:
        self._bytes_per_event = 0.0

    @property
    def events(self) -> int:
        if not self._bytes_per_event:
            return MAX_EVENTS
        return max(1, min(MAX_EVENTS, int(MAX_ENCODED_BYTES * 0.97 / self._bytes_per_event)))

    def learn(self, cut: Cut) -> None:
        self._bytes_per_event = len(cut.body) / cut.taken


def refusal(event: Event, size: int) -> str | None:
    """Why one event of `size` bytes of JSON would make its whole segment unreadable; None where it wouldn't."""
    if size > MAX_EVENT_BYTES:
        return f"more than {MAX_EVENT_BYTES} bytes"
    text = event.occurred_at
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return "occurred_at is no time"
    if rfc3339(instant) != text or not 2000 <= instant.year < 2200:
        return "occurred_at is not YYYY-MM-DDTHH:MM:SS.ffffffZ between 2000 and 2199"
    return None if 0 < event.version < 2**15 else "version is out of range"


def cut(segment_id: UUID, shard: str, sealed_at: datetime, links: Sequence[Link], count: int) -> Cut:
    """The segment of the first links, `count` at most, that fits the limits.

    Raises:
        SegmentTooLargeError: not even the first one fits, which `refusal` rules out.
    """
    count = min(count, len(links), MAX_EVENTS)
    while True:
        runs, lines = _grouped(links[:count])
        segment = Segment(str(segment_id), shard, rfc3339(sealed_at), runs, lines)
        try:
            return Cut(segment, encode(segment), count)
        except SegmentTooLargeError:
            if count == 1:
                raise
            count = max(1, count * 3 // 4)


def record(
    transaction: Transaction,
    made: Cut,
    *,
    epoch: str | None = None,
    first_id: str | None = None,
    last_id: str | None = None,
) -> None:
    """Fix the segment's content for good, before anything is sent (ADR 1)."""
    transaction.execute(
        _RECORD,
        {
            "id": made.segment.segment_id,
            "shard": made.segment.shard,
            "runs": Jsonb([run.to_dict() for run in made.segment.runs]),
            "event_count": made.taken,
            "body": made.body.encode("ascii"),
            "epoch": epoch,
            "first_id": first_id,
            "last_id": last_id,
            "sealed_at": datetime.fromisoformat(made.segment.sealed_at),
        },
    )


def _grouped(links: Sequence[Link]) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """Runs in the order of their first events, each with its lines. A gap, or a broken link, begins a new run."""
    groups: list[list[Link]] = []
    current: dict[str, list[Link]] = {}
    for each in links:
        sealed = each.sealed
        group = current.get(sealed.producer)
        if group is not None:
            last = group[-1].sealed
            if sealed.number == last.number + 1 and each.previous_hash == last.hash:
                group.append(each)
                continue
        current[sealed.producer] = [each]
        groups.append(current[sealed.producer])
    runs = tuple(
        Run(
            group[0].sealed.producer,
            group[0].sealed.number,
            group[-1].sealed.number,
            group[0].previous_hash,
            group[-1].sealed.hash,
        )
        for group in groups
    )
    return runs, tuple(each.sealed.line for group in groups for each in group)
