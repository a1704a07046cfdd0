"""The other way of the audit log: incarnations in `producers`, and the outbox for what the stream can't take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.database.outbox import INSERT_OUTBOX, outbox_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.envelope import Event
    from token_core.incarnation import Ending, Incarnation
    from token_core.storage.database import Database

_BEGIN = """
INSERT INTO producers (producer, kind, shard, service, sealed_hash)
VALUES (%(producer)s, 'stream', %(shard)s, %(service)s, %(genesis)s)
"""
_END = """
UPDATE producers
   SET ended_at = now(), ended_number = %(number)s, uncertain_number = %(uncertain)s, end_reason = %(reason)s
WHERE producer = %(producer)s AND ended_at IS NULL
"""


class PostgresAudit:
    """The `Registry` of audit.py."""

    def __init__(self, database: Database, outbox_shards: int) -> None:
        self._database, self._shards = database, outbox_shards

    async def begin(self, incarnation: Incarnation, shard: int, service: str) -> None:
        """Register it before its first event can be in the stream."""
        parameters = {
            "producer": incarnation.producer, "shard": shard, "service": service, "genesis": incarnation.genesis,
        }  # fmt: skip
        await self._database.execute(_BEGIN, parameters)

    async def end(self, ending: Ending) -> None:
        parameters = {
            "producer": ending.producer, "number": ending.number, "uncertain": ending.uncertain_number,
            "reason": ending.reason,
        }  # fmt: skip
        await self._database.execute(_END, parameters)

    async def outbox(self, events: Sequence[Event]) -> None:
        await self._database.execute(INSERT_OUTBOX, outbox_parameters(events, self._shards))
