"""Wires the relay: per shard a sealing and a sending loop, and one loop each for mails, checkpoints and gauges."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from audit_relay.checkpoints import CheckpointSigner
from audit_relay.gauges import Gauges
from audit_relay.health import HealthServer
from audit_relay.leases import Lease
from audit_relay.loops import Loop
from audit_relay.mails import MailHandover
from audit_relay.metrics import Metrics
from audit_relay.outbox import OutboxSealer
from audit_relay.postgres import Session
from audit_relay.redis_stream import AuditStream, connector
from audit_relay.sending import Sender
from audit_relay.shards import ShardSealing
from audit_relay.stream import StreamSealer
from audit_relay.trimming import StreamTrimmer
from shared.clock import monotonic_seconds
from shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_relay.config import Settings
    from audit_relay.shards import Sealer

CHECKPOINTS = "checkpoints"  # signed by one relay at a time, under a lease like a shard's

logger = logging.getLogger(__name__)


class Relay:
    """Runs until `stop`. Each loop has its own connection to Postgres, and fails and recovers by itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._holder = f"{socket.gethostname()}/{os.getpid()}/{new_id()}"
        self._metrics = Metrics()
        aws = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
        self._sqs = boto3.client("sqs", config=aws)
        self._kms = boto3.client("kms", config=aws)
        connect = connector(settings.redis_url.get_secret_value())
        self._streams = {shard: AuditStream(connect, shard) for shard in range(settings.audit_stream_shards)}
        self._sealing: list[tuple[ShardSealing, Loop]] = []
        self._sending: list[Loop] = []
        self._leases: list[Lease] = []
        for shard, stream in self._streams.items():
            self._add_stream_shard(shard, stream)
        for shard in range(settings.outbox_shards):
            self._add_outbox_shard(shard)
        mails = MailHandover(
            self._session(), self._sqs, settings.email_queue_url, self._metrics, settings.poll_interval_seconds
        )
        self._mails = self._loop("mails", mails.step)
        self._signer = CheckpointSigner(
            self._lease(CHECKPOINTS),
            self._session(),
            self._kms,
            settings.kms_manifest_key_id,
            settings.checkpoint_interval_seconds,
            self._metrics,
        )
        self._checkpoints = self._loop("checkpoints", self._signer.step)
        self._gauges = self._loop("gauges", Gauges(self._session(), self._streams, self._metrics).step)
        self._health: HealthServer | None = None

    @property
    def loops(self) -> list[Loop]:
        return [*(loop for _, loop in self._sealing), *self._sending, self._mails, self._checkpoints, self._gauges]

    def start(self) -> None:
        """Begin. Nothing needs to be reachable yet.

        Raises:
            OSError: the health port is taken.
        """
        settings = self._settings
        self._health = HealthServer(settings.relay_http_host, settings.relay_http_port, self.loops, self._metrics)
        for loop in self.loops:
            loop.start()
        logger.info("started", extra={"holder": self._holder})

    def stop(self) -> None:
        """Seal and send what is there, sign the heads, give the leases back: each as far as the time allows."""
        deadline = monotonic_seconds() + self._settings.drain_seconds
        for loop in self.loops:
            loop.stop()
        for sealing, loop in self._sealing:
            sealing.is_draining = True
            if loop.join(deadline - monotonic_seconds()):
                loop.drain(deadline)
        for loop in (*self._sending, self._mails):
            if loop.join(deadline - monotonic_seconds()):
                loop.drain(deadline)
        if self._checkpoints.join(deadline - monotonic_seconds()):
            self._last_checkpoint()
        self._release()
        if self._health is not None:
            self._health.close()
        logger.info("stopped")

    def _last_checkpoint(self) -> None:
        if self._leases[-1].is_held:
            try:
                self._signer.sign()
            except Exception:
                logger.exception("no last checkpoint")

    def _release(self) -> None:
        session = self._session()
        for lease in self._leases:
            try:
                lease.release(session)
            except Exception:
                logger.exception("a lease will have to run out", extra={"shard": lease.shard})
                break
        session.close()

    def _add_stream_shard(self, shard: int, stream: AuditStream) -> None:
        lease, session = self._lease(f"stream/{shard}"), self._session()
        sealer = StreamSealer(shard, lease, session, stream, self._metrics)
        self._add_shard(lease, session, sealer, lambda own: StreamTrimmer(lease.shard, own, stream).trim)

    def _add_outbox_shard(self, shard: int) -> None:
        lease, session = self._lease(f"outbox/{shard}"), self._session()
        self._add_shard(lease, session, OutboxSealer(shard, lease, session, self._metrics), None)

    def _add_shard(
        self,
        lease: Lease,
        session: Session,
        sealer: Sealer,
        after_send: Callable[[Session], Callable[[], None]] | None,
    ) -> None:
        settings = self._settings
        own = self._session()
        tidy = None if after_send is None else after_send(own)
        sender = Sender(lease, own, self._sqs, settings.audit_queue_url, self._metrics, tidy)
        sending = self._loop(f"{lease.shard} send", sender.step)
        sealing = ShardSealing(
            lease,
            session,
            sealer,
            sending.wake,
            self._metrics,
            settings.cut_interval_seconds,
            settings.poll_interval_seconds,
        )
        self._sealing.append((sealing, self._loop(f"{lease.shard} seal", sealing.step)))
        self._sending.append(sending)

    def _session(self) -> Session:
        return Session(self._settings.database_url.get_secret_value())

    def _lease(self, shard: str) -> Lease:
        lease = Lease(shard, self._holder, self._settings.relay_lease_seconds)
        self._leases.append(lease)
        return lease

    def _loop(self, name: str, step: Callable[[], float]) -> Loop:
        return Loop(name, step, self._metrics.step_failed)
