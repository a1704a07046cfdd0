"""`python -m audit_relay.status`: lag and depth of every step from the change to ClickHouse, as JSON."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3

from audit_relay.config import StatusSettings
from audit_relay.gauges import waiting_in_postgres, waiting_in_stream
from audit_relay.postgres import Session
from audit_relay.redis_stream import AuditStream, connector
from shared.clock import utc_now
from shared.config import load_settings
from shared.ids import made_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

LOOK_BACK = 20_000  # segments: hours of them
_QUEUE_ATTRIBUTES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_RECENT = "SELECT id, sealed_at FROM sealed_segments ORDER BY id DESC LIMIT %(limit)s"
_LOADED = "SELECT DISTINCT segment_id FROM events_raw WHERE sealed_at >= %(since)s"


def pipeline_status(
    session: Session,
    streams: Mapping[int, AuditStream],
    sqs: Any,
    queue_urls: Mapping[str, str],
    clickhouse: Any,
) -> dict[str, Any]:
    """Every step's lag and depth.

    Args:
        queue_urls: name -> URL, dead-letter queues included.
        clickhouse: a clickhouse-connect client on the audit database, or None.

    Returns:
        `waiting`: a list of step (outbox, stream, segments, mails), shard, depth, oldest_seconds;
        `queues`: name -> visible, in_flight, delayed;
        `clickhouse`: rows, events, segments_missing, oldest_missing_seconds.
        What can't be asked has `error` instead.
    """
    waiting = _or_error(lambda: _in_postgres(session), "postgres")
    for shard, stream in streams.items():
        waiting += _or_error(partial(_in_stream, session, shard, stream), "stream")
    return {
        "measured_at": utc_now().isoformat(),
        "waiting": waiting,
        "queues": {name: _queue(sqs, url) for name, url in queue_urls.items()},
        "clickhouse": _clickhouse(session, clickhouse),
    }


def _or_error(look: Callable[[], list[dict[str, Any]]], step: str) -> list[dict[str, Any]]:
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - whatever is down, the rest is still told
        return [{"step": step, "error": type(error).__name__}]


def _in_postgres(session: Session) -> list[dict[str, Any]]:
    with session.transaction() as transaction:
        return [_shown(each) for each in waiting_in_postgres(transaction)]


def _in_stream(session: Session, shard: int, stream: AuditStream) -> list[dict[str, Any]]:
    with session.transaction() as transaction:
        return [_shown(waiting_in_stream(transaction, shard, stream))]


def _shown(waiting: Any) -> dict[str, Any]:
    return {
        "step": waiting.step,
        "shard": waiting.shard,
        "depth": waiting.depth,
        "oldest_seconds": round(waiting.oldest_seconds, 3),
    }


def _queue(sqs: Any, url: str) -> dict[str, Any]:
    try:
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_QUEUE_ATTRIBUTES))["Attributes"]
    except Exception as error:  # noqa: BLE001 - whatever is down, the rest is still told
        return {"error": type(error).__name__}
    visible, in_flight, delayed = (int(answer[name]) for name in _QUEUE_ATTRIBUTES)
    return {"visible": visible, "in_flight": in_flight, "delayed": delayed}


def _clickhouse(session: Session, clickhouse: Any) -> dict[str, Any]:
    """How much is there, and the oldest sealed segment that is not, compared by id with what Postgres recorded."""
    try:
        with session.transaction() as transaction:
            recent = transaction.execute(_RECENT, {"limit": LOOK_BACK}).fetchall()
        rows, events = clickhouse.query("SELECT count(), uniq(event_id) FROM events_raw").result_rows[0]
        loaded = _loaded_since(clickhouse, min((row["sealed_at"] for row in recent), default=None))
    except Exception as error:  # noqa: BLE001 - whatever is down, the rest is still told
        return {"error": type(error).__name__}
    missing: list[UUID] = sorted(row["id"] for row in recent if str(row["id"]) not in loaded)
    age = (utc_now() - made_at(missing[0])).total_seconds() if missing else 0.0
    return {
        "rows": rows,
        "events": events,
        "segments_missing": len(missing),
        "oldest_missing_seconds": round(max(0.0, age), 3),
    }


def _loaded_since(clickhouse: Any, since: datetime | None) -> set[str]:
    if since is None:
        return set()
    parameters = {"since": since.strftime("%Y-%m-%d %H:%M:%S.%f")}
    return {row[0] for row in clickhouse.query(_LOADED, parameters=parameters).result_rows}


def main() -> None:
    settings = load_settings(StatusSettings)
    redis = connector(settings.redis_url.get_secret_value())
    queues = {"audit": settings.audit_queue_url, "email": settings.email_queue_url, **settings.status_queue_urls}
    status = pipeline_status(
        Session(settings.database_url.get_secret_value()),
        {shard: AuditStream(redis, shard) for shard in range(settings.audit_stream_shards)},
        boto3.client("sqs"),
        queues,
        _connected(settings),
    )
    print(json.dumps(status, indent=2))  # noqa: T201 - its purpose


def _connected(settings: StatusSettings) -> Any:
    from shared.clickhouse.client import connect  # noqa: PLC0415 - the relay itself has no clickhouse-connect

    try:
        return connect(settings)
    except Exception:  # noqa: BLE001 - told as ClickHouse's error
        return None


if __name__ == "__main__":
    main()
