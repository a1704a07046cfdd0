"""Lag and depth of every step, for Prometheus. Names are a contract with dashboards and alarms."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """One registry per relay, so that two in one test don't share figures."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._segments = Counter("relay_segments_sealed", "Segments recorded", ["shard"], registry=registry)
        self._events = Counter("relay_events_sealed", "Events in recorded segments", ["shard"], registry=registry)
        self._sent = Counter("relay_segments_sent", "Segments that SQS took", ["shard"], registry=registry)
        self._mails = Counter("relay_mails_handed_over", "Mails that SQS took", registry=registry)
        self._checkpoints = Counter("relay_checkpoints_signed", "Checkpoints signed and stored", registry=registry)
        self._failures = Counter(
            "relay_step_failures", "Steps that failed and will be repeated", ["loop"], registry=registry
        )
        self._aside = Counter(
            "relay_events_set_aside", "Rows or entries that can't be sealed", ["shard"], registry=registry
        )
        self._broken = Counter(
            "relay_chain_breaks", "Stream events whose hash doesn't follow", ["shard"], registry=registry
        )
        self._lost = Counter(
            "relay_streams_lost", "Times that Redis came back without the stream", ["shard"], registry=registry
        )
        self._held = Gauge(
            "relay_shard_held", "1 where this relay holds the shard's lease", ["shard"], registry=registry
        )
        self._depth = Gauge("relay_depth", "What waits before a step", ["step", "shard"], registry=registry)
        self._lag = Gauge(
            "relay_lag_seconds", "Age of the oldest that waits before a step", ["step", "shard"], registry=registry
        )

    def sealed(self, shard: str, events: int) -> None:
        self._segments.labels(shard).inc()
        self._events.labels(shard).inc(events)

    def sent(self, shard: str, segments: int) -> None:
        self._sent.labels(shard).inc(segments)

    def mails_handed_over(self, count: int) -> None:
        self._mails.inc(count)

    def checkpoint_signed(self) -> None:
        self._checkpoints.inc()

    def step_failed(self, loop: str) -> None:
        self._failures.labels(loop).inc()

    def set_aside(self, shard: str) -> None:
        self._aside.labels(shard).inc()

    def chain_broken(self, shard: str, events: int) -> None:
        self._broken.labels(shard).inc(events)

    def stream_lost(self, shard: str) -> None:
        self._lost.labels(shard).inc()

    def held(self, shard: str, *, is_held: bool) -> None:
        self._held.labels(shard).set(is_held)

    def waiting(self, step: str, shard: str, depth: int, oldest_seconds: float) -> None:
        self._depth.labels(step, shard).set(depth)
        self._lag.labels(step, shard).set(oldest_seconds)

    def text(self) -> bytes:
        """Prometheus text format."""
        return generate_latest(self._registry)
