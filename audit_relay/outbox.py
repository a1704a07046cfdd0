"""Seals the outbox: rows are picked by mark, numbered, chained, and recorded as a segment, in one transaction."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from uuid import UUID

from audit_relay.cutting import Link, Sizing, cut, record, refusal
from events.chain import genesis, seal
from events.envelope import Event, MalformedEventError
from shared.clock import utc_now
from shared.ids import new_id

if TYPE_CHECKING:
    from audit_relay.leases import Lease
    from audit_relay.metrics import Metrics
    from audit_relay.postgres import Row, Session, Transaction
    from events.envelope import SealedEvent

# By mark, never by `id > last`: ids commit out of order (ADR 1).
_PICK = """
SELECT id, envelope FROM outbox
 WHERE shard = %(shard)s AND segment_id IS NULL AND id <> ALL(%(aside)s)
 ORDER BY id LIMIT %(limit)s
"""
_WAITING = """
SELECT EXISTS (
  SELECT FROM outbox WHERE shard = %(shard)s AND segment_id IS NULL AND id <> ALL(%(aside)s)) AS waiting
"""
_PRODUCER = """
SELECT producer, sealed_number, sealed_hash FROM producers
 WHERE kind = 'outbox' AND shard = %(shard)s AND ended_at IS NULL
 ORDER BY started_at LIMIT 1 FOR UPDATE
"""
_BEGIN = """
INSERT INTO producers (producer, kind, shard, service, sealed_hash)
VALUES (%(producer)s, 'outbox', %(shard)s, 'audit_relay', %(hash)s)
RETURNING producer, sealed_number, sealed_hash
"""
_MARK = """
UPDATE outbox AS o SET segment_id = %(segment)s, number = v.number
  FROM unnest(%(ids)s::uuid[], %(numbers)s::bigint[]) AS v (id, number)
 WHERE o.id = v.id AND o.id BETWEEN %(least)s AND %(greatest)s
"""  # the bounds name the partitions
_ADVANCE = "UPDATE producers SET sealed_number = %(number)s, sealed_hash = %(hash)s WHERE producer = %(producer)s"

logger = logging.getLogger(__name__)


class OutboxSealer:
    """Cuts one shard of the outbox."""

    def __init__(self, shard: int, lease: Lease, session: Session, metrics: Metrics) -> None:
        self._shard = shard
        self._lease = lease
        self._session = session
        self._metrics = metrics
        self._sizing = Sizing()
        self._aside: list[UUID] = []  # rows that no segment can take: they stay in the table, unsealed and counted

    def seal(self) -> tuple[int, bool]:
        """Cut once. Returns the number of events sealed, and whether more were waiting.

        Raises:
            LostLeaseError: another relay holds the shard; nothing was written.
        """
        limit = self._sizing.events
        if not self._is_waiting():  # an idle poll takes no lock and writes nothing
            return 0, False
        with self._session.transaction() as transaction:
            self._lease.hold(transaction)
            rows = self._pick(transaction, limit)
            producer = self._producer(transaction)
            links = self._chain(producer, rows)
            if not links:
                return 0, bool(rows)
            made = cut(new_id(), self._lease.shard, utc_now(), links, limit)
            taken = [each.sealed for each in links[: made.taken]]
            self._mark(transaction, made.segment.segment_id, taken)
            transaction.execute(
                _ADVANCE,
                {
                    "producer": producer["producer"],
                    "number": taken[-1].number,
                    "hash": bytes.fromhex(taken[-1].hash),
                },
            )
            record(transaction, made)
        self._sizing.learn(made)
        self._metrics.sealed(self._lease.shard, made.taken)
        return made.taken, len(rows) >= limit or made.taken < len(links)

    def _is_waiting(self) -> bool:
        with self._session.transaction() as transaction:
            row = transaction.execute(_WAITING, {"shard": self._shard, "aside": self._aside}).fetchone()
        return row is not None and bool(row["waiting"])

    def _pick(self, transaction: Transaction, limit: int) -> list[Row]:
        return transaction.execute(_PICK, {"shard": self._shard, "aside": self._aside, "limit": limit}).fetchall()

    def _producer(self, transaction: Transaction) -> Row:
        row = transaction.execute(_PRODUCER, {"shard": self._shard}).fetchone()
        if row is None:
            producer = f"outbox/{self._shard}/{new_id()}"
            parameters = {"producer": producer, "shard": self._shard, "hash": genesis(producer)}
            row = transaction.execute(_BEGIN, parameters).fetchone()
        assert row is not None
        return row

    def _chain(self, producer: Row, rows: list[Row]) -> list[Link]:
        links: list[Link] = []
        number, head = producer["sealed_number"], producer["sealed_hash"]
        for row in rows:
            try:
                event = Event.from_json(row["envelope"])
                problem = refusal(event, len(row["envelope"].encode()))
                if event.event_id != str(row["id"]):
                    problem = "the row's id is not the event's"
                if problem is not None:
                    raise MalformedEventError(problem)  # noqa: TRY301 - one place sets aside
                sealed = seal(head, producer["producer"], number + 1, event)
            except (MalformedEventError, UnicodeEncodeError) as error:
                self._set_aside(row["id"], error.reason if isinstance(error, UnicodeEncodeError) else str(error))
                continue
            links.append(Link(sealed, head.hex()))
            number, head = sealed.number, bytes.fromhex(sealed.hash)
        return links

    def _set_aside(self, event_id: UUID, reason: str) -> None:
        logger.error("an outbox row can't be sealed", extra={"event_id": str(event_id), "reason": reason})
        self._metrics.set_aside(self._lease.shard)
        self._aside.append(event_id)

    @staticmethod
    def _mark(transaction: Transaction, segment_id: str, taken: list[SealedEvent]) -> None:
        ids = [UUID(sealed.event.event_id) for sealed in taken]
        marked = transaction.execute(
            _MARK,
            {
                "segment": segment_id,
                "ids": ids,
                "numbers": [sealed.number for sealed in taken],
                "least": min(ids),
                "greatest": max(ids),
            },
        )
        if marked.rowcount != len(taken):
            raise RuntimeError(f"{marked.rowcount} outbox rows were marked, not {len(taken)}")
