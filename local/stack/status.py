"""`make status`: lag and depth of every step from a change to its rows in ClickHouse, read from the running stack."""

from __future__ import annotations

import io
from typing import Any

import boto3
import clickhouse_connect
import psycopg
from psycopg.rows import dict_row
from redis.cluster import RedisCluster
from rich.console import Console
from rich.table import Table

from audit_relay.gauges import waiting_in_postgres, waiting_in_stream
from audit_relay.redis_stream import AuditStream
from local.stack import parts

_TITLES = {
    "outbox": "outbox rows to seal",
    "stream": "stream entries to seal",
    "segments": "segments to send",
    "mails": "mails to hand over",
}
_QUEUE_ATTRIBUTES = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


def gather_status(stack: dict[str, Any]) -> dict[str, Any]:
    """What waits before each step, and how far ClickHouse is. A part that can't be asked is named, with why."""
    found: dict[str, Any] = {"steps": [], "queues": [], "clickhouse": {}, "unreachable": {}}
    asked = {"postgres and redis": _waiting, "sqs": _queues, "clickhouse": _clickhouse}
    for name, ask in asked.items():
        try:
            found.update(ask(stack))
        except Exception as error:  # noqa: BLE001  whatever keeps it from answering is what is told
            found["unreachable"][name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return found


def _waiting(stack: dict[str, Any]) -> dict[str, Any]:
    shards = range(parts.AUDIT_STREAM_SHARDS)
    with psycopg.connect(stack["postgres"]["dsn"], connect_timeout=3, row_factory=dict_row) as connection:
        measured = waiting_in_postgres(connection)
        redis = RedisCluster.from_url(stack["redis"]["url"], socket_timeout=3)
        measured += [waiting_in_stream(connection, shard, AuditStream(lambda: redis, shard)) for shard in shards]
        states = "SELECT state, count(*) AS depth FROM inbox WHERE state IN ('parked', 'waiting') GROUP BY state"
        commands = {row["state"]: row["depth"] for row in connection.execute(states)}
    steps = [
        {"step": _TITLES[one.step], "depth": one.depth, "oldest_seconds": round(one.oldest_seconds, 1)}
        for one in measured
    ]
    steps += [
        {"step": f"commands {state}", "depth": depth, "oldest_seconds": None} for state, depth in commands.items()
    ]
    return {"steps": steps}


def _queues(stack: dict[str, Any]) -> dict[str, Any]:
    aws = stack["aws"]
    make: Any = boto3.client  # its overloads want a literal
    sqs = make(
        "sqs",
        endpoint_url=aws["endpoint_url"],
        region_name=aws["region"],
        aws_access_key_id=aws["access_key_id"],
        aws_secret_access_key=aws["secret_access_key"],
        verify=stack["ca_file"],
    )
    found = []
    for name, url in stack["queues"].items():
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_QUEUE_ATTRIBUTES)["Attributes"]
        waiting, in_flight = (int(attributes[one]) for one in _QUEUE_ATTRIBUTES)
        found.append({"queue": name, "waiting": waiting, "in_flight": in_flight})
    return {"queues": found}


def _clickhouse(stack: dict[str, Any]) -> dict[str, Any]:
    facts = stack["clickhouse"]
    client = clickhouse_connect.get_client(
        dsn=facts["url"],
        username=facts["user"],
        password=facts["password"],
        database=facts["database"],
        secure=facts["url"].startswith("https://"),
        ca_cert=stack["ca_file"],
        connect_timeout=3,
    )
    rows, newest = client.query("SELECT count(), max(occurred_at) FROM events").result_rows[0]
    lag = client.query(
        "SELECT quantile(0.95)(dateDiff('millisecond', occurred_at, loaded_at)) / 1000"
        " FROM events_raw WHERE loaded_at > now() - INTERVAL 10 MINUTE"
    ).result_rows[0][0]
    return {"clickhouse": {"events": rows, "newest_event": newest, "p95_seconds_to_a_row_in_the_last_10_minutes": lag}}


def render_status(status: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), highlight=False, width=100)
    steps = Table("step", "waiting", "oldest", box=None, header_style="dim")
    for one in status["steps"]:
        oldest = f"{one['oldest_seconds']} s" if one["depth"] and one["oldest_seconds"] is not None else ""
        steps.add_row(one["step"], str(one["depth"]), oldest)
    queues = Table("queue", "waiting", "in flight", box=None, header_style="dim")
    for one in status["queues"]:
        queues.add_row(one["queue"], str(one["waiting"]), str(one["in_flight"]))
    console.print(steps, "", queues, "")
    for name, value in status["clickhouse"].items():
        console.print(f"ClickHouse, {name.replace('_', ' ')}: {value}")
    for name, why in status["unreachable"].items():
        console.print(f"{name} can't be asked: {why}")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
