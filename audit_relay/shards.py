"""One shard's life under a lease: seal as often as the interval allows, wake the sender."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from audit_relay.leases import LostLeaseError
from shared.clock import monotonic_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_relay.leases import Lease
    from audit_relay.metrics import Metrics
    from audit_relay.postgres import Session

STANDBY_SECONDS = 0.5

logger = logging.getLogger(__name__)


class Sealer(Protocol):
    def seal(self) -> tuple[int, bool]:
        """Cut once. Returns the number of events sealed, and whether more were waiting."""
        ...


class ShardSealing:
    """A cut comes at once when there is more than one segment's worth, else `cut_seconds` after the one before.

    So an event waits at most that long, a lone one not at all, and a shard makes about one object an interval.
    """

    def __init__(
        self,
        lease: Lease,
        session: Session,
        sealer: Sealer,
        wake_sender: Callable[[], None],
        metrics: Metrics,
        cut_seconds: float,
        poll_seconds: float,
    ) -> None:
        self._lease = lease
        self._session = session
        self._sealer = sealer
        self._wake_sender = wake_sender
        self._metrics = metrics
        self._cut_seconds = cut_seconds
        self._poll_seconds = poll_seconds
        self._next_cut = 0.0
        self.is_draining = False

    def step(self) -> float:
        """Take the lease, keep it, and cut when it is time."""
        if not self._is_holder():
            return STANDBY_SECONDS
        try:
            self._lease.keep(self._session)
            now = monotonic_seconds()
            if now < self._next_cut and not self.is_draining:
                return min(self._next_cut - now, self._poll_seconds)
            events, more = self._sealer.seal()
        except LostLeaseError:
            logger.warning("lost the lease", extra={"shard": self._lease.shard})
            self._metrics.held(self._lease.shard, is_held=False)
            return STANDBY_SECONDS
        if events:
            self._wake_sender()
        if more:
            return 0.0
        if events:
            self._next_cut = now + self._cut_seconds
        return self._poll_seconds

    def _is_holder(self) -> bool:
        if self._lease.is_held:
            return True
        if self.is_draining or not self._lease.acquire(self._session):
            return False
        logger.info("holds the lease", extra={"shard": self._lease.shard})
        self._metrics.held(self._lease.shard, is_held=True)
        self._wake_sender()  # what the former holder recorded and didn't send
        return True
