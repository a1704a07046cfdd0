"""Prometheus metrics, right over all workers of a server. Label values come from fixed sets, never from a request."""

from __future__ import annotations

import asyncio
import os
from bisect import bisect_left
from collections import Counter as Counted

from token_core.config import use_metrics_directory

METRICS_DIRECTORY = use_metrics_directory()  # before the next import: prometheus_client decides as it loads

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # noqa: E402

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"})

_requests = Counter("token_core_requests", "Requests answered", ("endpoint", "method", "status"))
_durations = Histogram("token_core_request_seconds", "Time to answer", ("endpoint",), buckets=_SECONDS)
_tokens_issued = Counter("token_core_tokens_issued", "Access tokens issued", ("grant_type",))
tokens_denied = Counter("token_core_tokens_denied", "Token requests refused", ("grant_type", "error"))
refresh_outcomes = Counter("token_core_refresh_outcomes", "What became of refresh tokens", ("outcome",))
audit_events = Counter("token_core_audit_events", "Events made durable outside a transaction", ("way",))
audit_unavailable = Counter("token_core_audit_unavailable", "Events that nothing could take")
failures_over_quota = Counter("token_core_failures_over_quota", "Failure events that were counted only")
authority_age = Gauge(
    "token_core_authority_age_seconds", "Seconds since the last good poll, oldest worker", multiprocess_mode="livemax"
)
hashing_waiting = Gauge(
    "token_core_hashing_waiting", "Passwords that wait to be hashed", ("lane",), multiprocess_mode="livesum"
)

# Each write to the files that the workers share costs microseconds: what every request counts waits here a moment.
_FLUSH_SECONDS = 0.25
_answered: dict[tuple[str, str, int], list[float]] = {}
_issued: dict[str, int] = {}


def observe_request(endpoint: str, method: str, status: int, seconds: float) -> None:
    """Count one answer. `endpoint` is a route's template or `unmatched`."""
    key = (endpoint, method, status)
    waiting = _answered.get(key)
    if waiting is None:
        if not _answered:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, flush)
        waiting = _answered[key] = []
    waiting.append(seconds)


def count_issued(grant_type: str) -> None:
    """Count one access token; its request's `observe_request` follows, and takes it along."""
    _issued[grant_type] = _issued.get(grant_type, 0) + 1


def flush() -> None:
    """Write what waits to the files that all workers share."""
    for (endpoint, method, status), observed in _answered.items():
        _requests.labels(endpoint, method if method in _METHODS else "other", str(status)).inc(len(observed))
        _observe_all(_durations.labels(endpoint), observed)
    for grant_type, count in _issued.items():
        _tokens_issued.labels(grant_type).inc(count)
    _answered.clear()
    _issued.clear()


def _observe_all(histogram: Histogram, observed: list[float]) -> None:
    """`histogram.observe` for each, with one write a bucket (a test holds the two equal)."""
    for index, count in Counted(bisect_left(_SECONDS, seconds) for seconds in observed).items():
        histogram._buckets[index].inc(count)  # noqa: SLF001 - prometheus_client has no way for many
    histogram._sum.inc(sum(observed))  # noqa: SLF001


def render() -> bytes:
    """All workers' metrics in Prometheus' text format: this one's to the last, the others' to a quarter second."""
    flush()
    _forget_ended_workers()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(METRICS_DIRECTORY))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_ended_workers() -> None:
    """What a worker had waiting when it was killed waits no more."""
    for path in METRICS_DIRECTORY.glob("gauge_live*.db"):
        pid = int(path.stem.rpartition("_")[2])
        if not _is_running(pid):
            mark_process_dead(pid, str(METRICS_DIRECTORY))  # type: ignore[no-untyped-call]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
