"""Who works on a shard. `fence` grows with every new holder, and every cut checks it in its own transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.clock import monotonic_seconds

if TYPE_CHECKING:
    from audit_relay.postgres import Session, Transaction

# Postgres' clock decides everywhere: two relays' clocks may differ.
# ON CONFLICT alone would wait for a holder that is in the middle of a cut.
_ENSURE = """
INSERT INTO relay_shards (shard)
SELECT %(shard)s WHERE NOT EXISTS (SELECT FROM relay_shards WHERE shard = %(shard)s)
    ON CONFLICT DO NOTHING
"""
_CLAIM = """
UPDATE relay_shards
   SET holder = %(holder)s, fence = fence + 1, lease_until = clock_timestamp() + %(seconds)s * interval '1 second'
 WHERE shard = (
       SELECT shard FROM relay_shards
        WHERE shard = %(shard)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
          FOR UPDATE SKIP LOCKED)
RETURNING fence
"""
_HOLD = """
UPDATE relay_shards SET lease_until = clock_timestamp() + %(seconds)s * interval '1 second'
 WHERE shard = %(shard)s AND holder = %(holder)s AND fence = %(fence)s
RETURNING stream_epoch, stream_cursor
"""
_RELEASE = """
UPDATE relay_shards SET holder = NULL, lease_until = NULL
 WHERE shard = %(shard)s AND holder = %(holder)s AND fence = %(fence)s
"""
_POSITION = "SELECT stream_epoch, stream_cursor FROM relay_shards WHERE shard = %(shard)s"


class LostLeaseError(RuntimeError):
    """Somebody else holds the shard now: whatever was about to be written must not be."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the shard's stream has been sealed."""

    epoch: str | None
    cursor: str


class Lease:
    """One shard's lease, as one relay sees it. Used by the shard's sealing loop; others only ask `is_held`."""

    def __init__(self, shard: str, holder: str, seconds: float) -> None:
        self.shard = shard
        self._holder = holder
        self._seconds = seconds
        self._fence: int | None = None
        self._renew_at = 0.0

    @property
    def is_held(self) -> bool:
        """As far as this relay knows; only `hold` is proof."""
        return self._fence is not None

    def acquire(self, session: Session) -> bool:
        """Take the shard if nobody's lease on it is running."""
        with session.transaction() as transaction:
            transaction.execute(_ENSURE, self._parameters())
            row = transaction.execute(_CLAIM, self._parameters()).fetchone()
        self._fence = None if row is None else row["fence"]
        self._renew_at = monotonic_seconds() + self._seconds / 3
        return self.is_held

    def hold(self, transaction: Transaction) -> Position:
        """Lock the shard until this transaction ends, and extend the lease.

        Raises:
            LostLeaseError: another relay took it.
        """
        row = transaction.execute(_HOLD, self._parameters()).fetchone()
        if row is None:
            self._fence = None
            raise LostLeaseError(self.shard)
        self._renew_at = monotonic_seconds() + self._seconds / 3
        return Position(row["stream_epoch"], row["stream_cursor"])

    def keep(self, session: Session) -> None:
        """Extend the lease when a third of it has passed.

        Raises:
            LostLeaseError: another relay took it.
        """
        if monotonic_seconds() >= self._renew_at:
            with session.transaction() as transaction:
                self.hold(transaction)

    def release(self, session: Session) -> None:
        """Let another relay take the shard at once."""
        if self.is_held:
            with session.transaction() as transaction:
                transaction.execute(_RELEASE, self._parameters())
            self._fence = None

    def _parameters(self) -> dict[str, object]:
        return {"shard": self.shard, "holder": self._holder, "fence": self._fence, "seconds": self._seconds}


def position_of(transaction: Transaction, shard: str) -> Position:
    """Read without a lock: whoever writes compares it with what `hold` returns."""
    row = transaction.execute(_POSITION, {"shard": shard}).fetchone()
    return Position(None, "0-0") if row is None else Position(row["stream_epoch"], row["stream_cursor"])
