"""The end of every claiming statement: its event goes to the outbox if, and only if, the claim was made (P1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.database.outbox import outbox_shard

if TYPE_CHECKING:
    from events.envelope import Event

EVENT_OF_CLAIMED = """
INSERT INTO outbox (id, shard, envelope)
SELECT %(outbox_id)s::uuid, %(outbox_shard)s::smallint, %(outbox_envelope)b::text FROM claimed
"""
"""Follows `WITH claimed AS (… RETURNING 1)`, whose claim is of one row at most; parameters by `event_parameters`."""


def event_parameters(event: Event, shard_count: int) -> dict[str, Any]:
    """Those of EVENT_OF_CLAIMED. Plain values: psycopg takes longer to write an array of one than to sign a token."""
    return {
        "outbox_id": event.event_id,
        "outbox_shard": outbox_shard(event, shard_count),
        "outbox_envelope": event.to_json(),
    }
