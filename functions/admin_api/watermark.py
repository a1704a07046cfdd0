"""Up to when the audit search is complete: before T, every event that was recorded is in ClickHouse.

T is the earliest of what is still under way: an outbox row or a stream entry that isn't sealed, a sealed segment that
ClickHouse hasn't loaded, a transaction that may yet commit. What can't be asked makes T as early as what is known.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

MARGIN = timedelta(seconds=5)  # between an event's time and its commit or its append
LOOK_BACK = 20_000  # segments: hours of them, as in the relay's status
_OUTBOX = text("SELECT min(created_at) FROM outbox WHERE segment_id IS NULL")
_OPEN = text("SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND backend_xid <> '0'")
_SHARDS = text("SELECT shard, stream_epoch, stream_cursor FROM relay_shards WHERE shard LIKE 'stream/%'")
_RECENT = text("SELECT id::text, sealed_at FROM sealed_segments ORDER BY id DESC LIMIT :limit")
_FIRST_OF = text(
    "SELECT least((SELECT min(created_at) FROM outbox WHERE segment_id = ANY(CAST(:ids AS uuid[]))),"
    " (SELECT to_timestamp(min(split_part(stream_first_id, '-', 1)::numeric) / 1000.0) FROM sealed_segments"
    "   WHERE id = ANY(CAST(:ids AS uuid[])) AND stream_first_id IS NOT NULL))"
)
_LOADED = "SELECT DISTINCT segment_id FROM events_raw WHERE sealed_at >= %(since)s"


class Stream(Protocol):
    """What the watermark asks of Redis."""

    def epoch(self, shard: int) -> str | None: ...

    def first_after(self, shard: int, cursor: str) -> int | None: ...


def complete_up_to(session: Session, clickhouse: Any, stream: Stream | None, now: datetime) -> datetime | None:
    """T; None where nothing is proven.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, clickhouse_connect.driver.exceptions.Error: one of them can't be asked.
    """
    # in the order that events go, so that what moves on meanwhile is met again, never missed
    under_way = [session.scalar(_OPEN), session.scalar(_OUTBOX)]
    for shard, epoch, cursor in session.execute(_SHARDS):
        under_way.append(_oldest_in_stream(stream, int(shard.partition("/")[2]), epoch, cursor))
    missing, is_all = _not_loaded(session, clickhouse)
    if missing:
        if not is_all:
            return None
        under_way.append(session.scalar(_FIRST_OF, {"ids": missing}))
    return _earliest(now, under_way) - MARGIN


def _oldest_in_stream(stream: Stream | None, shard: int, epoch: str | None, cursor: str) -> datetime | None:
    """When the oldest unsealed entry was appended; where Redis can't tell, up to where the relay had sealed."""
    sealed = datetime.fromtimestamp(int(cursor.split("-", maxsplit=1)[0]) / 1000, UTC)
    if stream is None:
        return sealed
    try:
        if epoch is not None and stream.epoch(shard) != epoch:
            return sealed
        milliseconds = stream.first_after(shard, cursor)
    except Exception:  # noqa: BLE001 - of redis, which isn't imported before it is needed
        return sealed
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _not_loaded(session: Session, clickhouse: Any) -> tuple[list[str], bool]:
    """Sealed segments that ClickHouse lacks, and whether none older than those looked at can be."""
    recent = list(session.execute(_RECENT, {"limit": LOOK_BACK}))
    if not recent:
        return [], True
    since = min(sealed_at for _, sealed_at in recent).astimezone(UTC)
    parameters = {"since": since.strftime("%Y-%m-%d %H:%M:%S.%f")}
    loaded = {row[0] for row in clickhouse.query(_LOADED, parameters=parameters).result_rows}
    missing = [identifier for identifier, _ in recent if identifier not in loaded]
    return missing, len(recent) < LOOK_BACK or recent[-1][0] in loaded


def _earliest(now: datetime, instants: Iterable[datetime | None]) -> datetime:
    return min([now, *(instant for instant in instants if instant is not None)])
