"""The outbox: events written in the transaction of the change that they tell of (P1)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from shared.database.steps import Statement, run, run_async

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.envelope import Event
    from shared.database.steps import AsyncConnection, Steps, SyncConnection

INSERT_OUTBOX = (
    "INSERT INTO outbox (id, shard, envelope)"
    " SELECT * FROM unnest(%(outbox_ids)s::uuid[], %(outbox_shards)s::smallint[], %(outbox_envelopes)b::text[])"
)
"""For statements that do more at once: `WITH ... AS (INSERT_OUTBOX)`, with `outbox_parameters`."""


def outbox_parameters(events: Iterable[Event], shard_count: int) -> dict[str, list[str] | list[int]]:
    """The parameters of INSERT_OUTBOX. A subject's events share a shard, so that they keep their order."""
    events = tuple(events)
    return {
        "outbox_ids": [event.event_id for event in events],
        "outbox_shards": [outbox_shard(event, shard_count) for event in events],
        "outbox_envelopes": [event.to_json() for event in events],
    }


def outbox_shard(event: Event, shard_count: int) -> int:
    """The shard of this event's subject."""
    return crc32(event.subject.encode()) % shard_count


def inserting_events(events: Iterable[Event], shard_count: int) -> Steps[None]:
    parameters = outbox_parameters(events, shard_count)
    if parameters["outbox_ids"]:
        yield Statement(INSERT_OUTBOX, parameters)


def insert_events(connection: SyncConnection, events: Iterable[Event], shard_count: int = 1) -> None:
    """Write `events` in the caller's transaction."""
    run(connection, inserting_events(events, shard_count))


async def insert_events_async(connection: AsyncConnection, events: Iterable[Event], shard_count: int = 1) -> None:
    """Write `events` in the caller's transaction."""
    await run_async(connection, inserting_events(events, shard_count))
