"""Were audit, relay, logs and metrics really on? Counted afterwards, in what they wrote."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import psycopg
import redis

if TYPE_CHECKING:
    from benchmarks.parts import Platform
    from benchmarks.report import Run

_TOKENS = re.compile(rb'^token_core_tokens_issued_total\{grant_type="(\w+)"\} ([\d.e+]+)$', re.MULTILINE)
_REQUESTS = re.compile(rb"^token_core_requests_total\{.*\} ([\d.e+]+)$", re.MULTILINE)
_LINE = b'"message": "request"'
_DEADLINE_SECONDS = 20.0


def assert_all_was_recorded(platform: Platform, run: Run) -> dict[str, str]:
    """What was found, in words.

    Raises:
        AssertionError: fewer events, log lines or counts than answers, or the relay sealed nothing.
    """
    answered = sum(sides[0].requests - sides[0].errors for sides in run.series.values())
    tokens = sum(run.series[name][0].requests for name in ("client_credentials", "refresh") if name in run.series)
    page = platform.core.get("/metrics")
    issued = sum(int(float(value)) for _, value in _TOKENS.findall(page))
    counted = sum(int(float(value)) for value in _REQUESTS.findall(page))
    events = _events(platform)
    lines = platform.log_path.read_bytes().count(_LINE)
    sealed = _sealed(platform) if tokens else 0
    # a connection that is closed at the end of a round leaves a token that was issued and not received
    assert issued >= tokens, (issued, tokens)
    assert events >= issued, (events, issued)
    assert counted >= answered, (counted, answered)
    assert lines >= answered, (lines, answered)
    assert sealed or not tokens, "the relay sealed nothing"
    return {
        "tokens received": str(tokens),
        "events of issued tokens, durable": str(events),
        "events that the relay had sealed by the end": str(sealed),
        "requests answered, and counted by the metrics": f"{answered}, {counted}",
        "request lines in the log": str(lines),
    }


def _events(platform: Platform) -> int:
    """Durable events: the stream's numbers, and the outbox's rows."""
    with psycopg.connect(platform.dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM outbox WHERE envelope::jsonb ->> 'type' = 'token.issued'"
        ).fetchone()
    with redis.Redis.from_url(platform.redis_url) as store:
        heads = [int(store.hget(key, "number") or 0) for key in store.scan_iter("audit:{0}:producer:*")]
    return (row[0] if row else 0) + sum(heads)


def _sealed(platform: Platform) -> int:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    with psycopg.connect(platform.dsn, autocommit=True) as connection:
        while True:
            row = connection.execute("SELECT coalesce(sum(event_count), 0)::bigint FROM sealed_segments").fetchone()
            if (row and row[0]) or time.monotonic() > deadline:
                return row[0] if row else 0
            time.sleep(0.1)
