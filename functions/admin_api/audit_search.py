"""The audit log in ClickHouse, by filters and in keyset pages, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_COLUMNS = (
    "event_id", "type", "version", "occurred_at", "producer", "number", "hash", "request_id", "subject", "actor",
    "client_id", "session_id", "outcome", "reason", "payload", "segment_id", "sealed_at",
)  # fmt: skip
_EQUAL = ("type", "subject", "actor", "client_id", "session_id", "request_id", "outcome", "reason")


@dataclass(frozen=True)
class Filters:
    """What is None filters nothing. `since` is inclusive, `until` exclusive."""

    type: str | None = None
    subject: str | None = None
    actor: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    outcome: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in Filters.__dataclass_fields__ if getattr(self, name) is not None)


def search(clickhouse: Any, filters: Filters, before: tuple[datetime, str] | None, limit: int) -> list[dict[str, Any]]:
    """At most `limit` events, each once.

    Args:
        before: time and id of the last event of the page before.

    Raises:
        clickhouse_connect.driver.exceptions.Error: ClickHouse can't be asked.
    """
    conditions, parameters = ["1"], dict[str, Any]()
    for name in _EQUAL:
        if (value := getattr(filters, name)) is not None:
            conditions.append(f"{name} = {{{name}:String}}")
            parameters[name] = value
    for name, operator in (("since", ">="), ("until", "<")):
        if (instant := getattr(filters, name)) is not None:
            conditions.append(f"occurred_at {operator} {{{name}:DateTime64(6, 'UTC')}}")
            parameters[name] = _written(instant)
    if before is not None:
        conditions.append("(occurred_at, event_id) < ({at:DateTime64(6, 'UTC')}, {id:String})")
        parameters |= {"at": _written(before[0]), "id": before[1]}
    statement = (
        f"SELECT {', '.join(_COLUMNS)} FROM events WHERE {' AND '.join(conditions)}"  # noqa: S608 - names of ours
        " ORDER BY occurred_at DESC, event_id DESC LIMIT {limit:UInt32}"
    )
    rows = clickhouse.query(statement, parameters={**parameters, "limit": limit}).result_rows
    return [dict(zip(_COLUMNS, row, strict=True)) for row in rows]


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
