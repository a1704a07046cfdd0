"""Seals the Redis stream: entries after the cursor, verified against the sealed heads, recorded as a segment."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from audit_relay.cutting import Sizing, cut, record
from audit_relay.entries import Entry, Head, check_entry, links_after
from audit_relay.leases import Position, position_of
from audit_relay.redis_stream import BEGINNING
from shared.audit_stream import MalformedEntryError
from shared.clock import utc_now
from shared.ids import new_id

if TYPE_CHECKING:
    from audit_relay.cutting import Link
    from audit_relay.leases import Lease
    from audit_relay.metrics import Metrics
    from audit_relay.postgres import Session, Transaction
    from audit_relay.redis_stream import AuditStream, RawEntry

_MOVE = "UPDATE relay_shards SET stream_epoch = %(epoch)s, stream_cursor = %(cursor)s WHERE shard = %(shard)s"
_HEADS = """
SELECT producer, sealed_number, sealed_hash FROM producers
 WHERE producer = ANY(%(producers)s) ORDER BY producer FOR UPDATE
"""
_ADOPT = """
INSERT INTO producers (producer, kind, shard, service, sealed_hash)
VALUES (%(producer)s, 'stream', %(shard)s, 'unregistered', %(hash)s)
"""
_ADVANCE = "UPDATE producers SET sealed_number = %(number)s, sealed_hash = %(hash)s WHERE producer = %(producer)s"
logger = logging.getLogger(__name__)


class StreamSealer:
    """Cuts one shard of the stream."""

    def __init__(self, shard: int, lease: Lease, session: Session, stream: AuditStream, metrics: Metrics) -> None:
        self._shard = shard
        self._lease = lease
        self._session = session
        self._stream = stream
        self._metrics = metrics
        self._sizing = Sizing()

    def seal(self) -> tuple[int, bool]:
        """Cut once. Returns the number of events sealed, and whether more were waiting.

        Raises:
            LostLeaseError: another relay holds the shard; nothing was written.
            redis.RedisError: Redis can't be read; nothing was written.
        """
        with self._session.transaction() as transaction:
            position = position_of(transaction, self._lease.shard)
        read, more = self._stream.read(position.cursor, self._sizing.events)
        epoch = self._stream.epoch()
        if epoch != position.epoch:
            self._begin_epoch(position, epoch)
            return 0, True
        if not read:
            return 0, False
        return self._seal(position, read, more=more)

    def _begin_epoch(self, position: Position, epoch: str) -> None:
        """Start again at the beginning, where what the sealed heads cover is skipped, so that nothing doubles."""
        with self._session.transaction() as transaction:
            self._lease.hold(transaction)
            self._move(transaction, Position(epoch, BEGINNING))
        if position.epoch is not None:
            logger.warning("Redis lost the stream: a new epoch begins", extra={"shard": self._lease.shard})
            self._metrics.stream_lost(self._lease.shard)

    def _seal(self, position: Position, read: list[RawEntry], *, more: bool) -> tuple[int, bool]:
        entries = [self._checked(entry_id, fields) for entry_id, fields in read]
        with self._session.transaction() as transaction:
            if self._lease.hold(transaction) != position:
                return 0, True  # read from an older place: look again
            links, ends = self._chain(transaction, entries)
            if not links:
                self._move(transaction, Position(position.epoch, read[-1][0]))
                return 0, more
            made = cut(new_id(), self._lease.shard, utc_now(), links, self._sizing.events)
            whole = sum(end <= made.taken for end in ends)  # entries that are in it to their end
            cursor = read[whole - 1][0] if whole else position.cursor
            record(
                transaction,
                made,
                epoch=position.epoch,
                first_id=read[0][0],
                last_id=read[min(whole, len(read) - 1)][0],
            )
            self._advance(transaction, links[: made.taken])
            self._move(transaction, Position(position.epoch, cursor))
        self._sizing.learn(made)
        self._metrics.sealed(self._lease.shard, made.taken)
        return made.taken, more or made.taken < len(links)

    def _checked(self, entry_id: str, fields: dict[bytes, bytes]) -> Entry | None:
        """The entry, or None for one that no producer wrote, which is put aside where people can look at it."""
        try:
            return check_entry(entry_id, fields, self._shard)
        except MalformedEntryError as error:
            logger.error(  # noqa: TRY400 - the reason says it all; the entry may hold anything
                "a stream entry can't be sealed",
                extra={"shard": self._lease.shard, "entry_id": entry_id, "reason": str(error)},
            )
            self._stream.put_aside((entry_id, fields))
            self._metrics.set_aside(self._lease.shard)
            return None

    def _chain(self, transaction: Transaction, entries: list[Entry | None]) -> tuple[list[Link], list[int]]:
        """Links in the stream's order, and for each entry how many links there are up to its end."""
        heads = self._heads(transaction, sorted({entry.producer for entry in entries if entry is not None}))
        links: list[Link] = []
        ends: list[int] = []
        for entry in entries:
            if entry is not None:
                new, broken = links_after(heads[entry.producer], entry)
                if broken:
                    logger.error("a chain is broken", extra={"producer": entry.producer, "entry_id": entry.entry_id})
                    self._metrics.chain_broken(self._lease.shard, broken)
                if new:
                    links += new
                    heads[entry.producer] = Head(new[-1].sealed.number, bytes.fromhex(new[-1].sealed.hash))
            ends.append(len(links))
        return links, ends

    def _heads(self, transaction: Transaction, producers: list[str]) -> dict[str, Head]:
        rows = transaction.execute(_HEADS, {"producers": producers}).fetchall()
        heads = {row["producer"]: Head(row["sealed_number"], row["sealed_hash"]) for row in rows}
        for producer in producers:
            if producer not in heads:
                logger.warning("a producer that never registered", extra={"producer": producer})
                heads[producer] = Head.of_new(producer)
                transaction.execute(_ADOPT, {"producer": producer, "shard": self._shard, "hash": heads[producer].hash})
        return heads

    def _advance(self, transaction: Transaction, taken: list[Link]) -> None:
        for each in {each.sealed.producer: each.sealed for each in taken}.values():
            transaction.execute(
                _ADVANCE, {"producer": each.producer, "number": each.number, "hash": bytes.fromhex(each.hash)}
            )

    def _move(self, transaction: Transaction, position: Position) -> None:
        transaction.execute(_MOVE, {"shard": self._lease.shard, "epoch": position.epoch, "cursor": position.cursor})
