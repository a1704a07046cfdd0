"""`make status`: lag and depth of every step from a change to its rows in ClickHouse, read from the running stack."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import boto3
import clickhouse_connect
from rich.console import Console
from rich.table import Table

from audit_relay.postgres import Session
from audit_relay.redis_stream import AuditStream, connector
from audit_relay.status import pipeline_status
from local.stack import parts

if TYPE_CHECKING:
    from collections.abc import Callable

_TITLES = {
    "outbox": "outbox rows to seal",
    "stream": "stream entries to seal",
    "segments": "segments to send",
    "mails": "mails to hand over",
}
_COMMANDS = "SELECT state, count(*) AS depth FROM parked_commands WHERE state IN ('parked', 'waiting') GROUP BY state"
_FRESHNESS = """
SELECT quantile(0.95)(dateDiff('millisecond', occurred_at, loaded_at)) / 1000
  FROM events_raw WHERE loaded_at > now() - INTERVAL 10 MINUTE
"""


def gather_status(stack: dict[str, Any]) -> dict[str, Any]:
    """What waits before each step, and how far ClickHouse is. What can't be asked has `error` instead."""
    session, redis = Session(stack["postgres"]["dsn"]), connector(stack["redis"]["url"])
    clickhouse = _or_none(lambda: _clickhouse(stack))
    streams = {shard: AuditStream(redis, shard) for shard in range(parts.AUDIT_STREAM_SHARDS)}
    found = pipeline_status(session, streams, _sqs(stack), stack["queues"], clickhouse)
    found["commands"] = _or_none(lambda: _parked(session))
    found["clickhouse"]["p95_seconds_of_the_last_10_minutes"] = _or_none(
        lambda: clickhouse.query(_FRESHNESS).result_rows[0][0]
    )
    return found


def _or_none(ask: Callable[[], Any]) -> Any:
    """A part that is down is a state to be told, not a reason to tell nothing."""
    try:
        return ask()
    except Exception:  # noqa: BLE001
        return None


def _parked(session: Session) -> dict[str, int]:
    with session.transaction() as transaction:
        return {row["state"]: row["depth"] for row in transaction.execute(_COMMANDS).fetchall()}


def _sqs(stack: dict[str, Any]) -> Any:
    aws = stack["aws"]
    make: Any = boto3.client  # its overloads want a literal
    return make(
        "sqs",
        endpoint_url=aws["endpoint_url"],
        region_name=aws["region"],
        aws_access_key_id=aws["access_key_id"],
        aws_secret_access_key=aws["secret_access_key"],
        verify=stack["ca_file"],
    )


def _clickhouse(stack: dict[str, Any]) -> Any:
    facts = stack["clickhouse"]
    return clickhouse_connect.get_client(
        dsn=facts["url"],
        username=facts["user"],
        password=facts["password"],
        database=facts["database"],
        secure=facts["url"].startswith("https://"),
        ca_cert=stack["ca_file"],
        connect_timeout=3,
    )


def render_status(status: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), highlight=False, width=100)
    steps = Table("step", "waiting", "oldest", box=None, header_style="dim")
    seen = {one["step"] for one in status["waiting"]}
    nothing = [{"step": step, "depth": 0} for step in _TITLES if step not in seen]
    for one in (*status["waiting"], *nothing):
        if "error" in one:
            steps.add_row(one["step"], "can't be asked", one["error"])
        else:
            steps.add_row(_TITLES[one["step"]], str(one["depth"]), f"{one['oldest_seconds']} s" if one["depth"] else "")
    for state, depth in (status["commands"] or {}).items():
        steps.add_row(f"commands {state}", str(depth), "")
    queues = Table("queue", "waiting", "in flight", box=None, header_style="dim")
    for name, one in status["queues"].items():
        queues.add_row(name, one.get("error") or str(one["visible"]), str(one.get("in_flight", "")))
    console.print(steps, "", queues, "")
    for name, value in status["clickhouse"].items():
        console.print(f"ClickHouse, {name.replace('_', ' ')}: {value}")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
