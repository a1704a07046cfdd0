"""Drops from the stream what is sealed and sent, so that Redis holds little more than what is on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_relay.leases import position_of
from audit_relay.redis_stream import successor

if TYPE_CHECKING:
    from audit_relay.postgres import Session
    from audit_relay.redis_stream import AuditStream

_FIRST_UNSENT = """
SELECT stream_first_id FROM sealed_segments
 WHERE shard = %(shard)s AND state = 'sealed' AND stream_epoch = %(epoch)s
 ORDER BY id LIMIT 1
"""


class StreamTrimmer:
    """Runs in the sending loop, with that loop's session."""

    def __init__(self, shard: str, session: Session, stream: AuditStream) -> None:
        self._shard = shard
        self._session = session
        self._stream = stream

    def trim(self) -> None:
        """Keep everything from the first entry that is not in a sent segment.

        Raises:
            redis.RedisError: Redis can't be reached; the next send tries again.
        """
        with self._session.transaction() as transaction:
            position = position_of(transaction, self._shard)
            unsent = transaction.execute(_FIRST_UNSENT, {"shard": self._shard, "epoch": position.epoch}).fetchone()
        if position.epoch is not None and position.epoch == self._stream.epoch():
            self._stream.trim(successor(position.cursor) if unsent is None else unsent["stream_first_id"])
