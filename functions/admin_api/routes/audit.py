"""Who did what. Reading it is an event too, durable before the answer."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, StringConstraints
from sqlalchemy.orm import Session
from starlette.requests import Request

from events.envelope import PLATFORM
from events.payloads.audit import AuditSearched
from events.types import EventType
from functions.admin_api.audit_search import Filters, search
from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import changing
from functions.admin_api.paging import After, Limit, Page, read_cursor, write_cursor
from functions.admin_api.problems import invalid_field, unavailable
from functions.admin_api.services import Services, services
from functions.admin_api.watermark import complete_up_to
from shared.database.outbox import insert_events

router = APIRouter(prefix="/audit", tags=["audit"])
_log = logging.getLogger(__name__)
Exactly = Annotated[str | None, StringConstraints(pattern=r"^[^\x00]{1,256}$"), Query(description="exactly this")]


class AuditEvent(BaseModel):
    """`payload` as it was recorded. What says who a person is stays encrypted, and isn't here."""

    event_id: str
    type: str
    version: int
    occurred_at: datetime
    request_id: str | None
    subject: str
    actor: str
    client_id: str | None
    session_id: str | None
    outcome: str | None
    reason: str | None
    payload: dict[str, Any]
    producer: str
    number: int
    hash: str
    segment_id: str
    sealed_at: datetime


class AuditPage(Page[AuditEvent]):
    """`complete_up_to`: before it nothing is missing; later events may be still under way. Null: nothing is proven."""

    complete_up_to: datetime | None


@router.get("/events")
def search_events(
    request: Request,
    caller: Annotated[Caller, Depends(require("audit:read"))],
    limit: Limit = 50,
    after: After = None,
    event_type: Annotated[EventType | None, Query(alias="type", description="of this type")] = None,
    subject: Exactly = None,
    actor: Exactly = None,
    client_id: Exactly = None,
    session_id: Exactly = None,
    request_id: Exactly = None,
    outcome: Annotated[Literal["success", "failure"] | None, Query(description="of this outcome")] = None,
    reason: Exactly = None,
    since: Annotated[AwareDatetime | None, Query(description="not before")] = None,
    until: Annotated[AwareDatetime | None, Query(description="before")] = None,
) -> AuditPage:
    """Events, newest first."""
    filters = Filters(
        type=event_type, subject=subject, actor=actor, client_id=client_id, session_id=session_id,
        request_id=request_id, outcome=outcome, reason=reason, since=since, until=until,
    )  # fmt: skip
    before = None if after is None else _read_position(read_cursor(after))
    watermark, found = _ask(services(request), filters, before, limit + 1)
    shown = found[:limit]
    with changing(request, caller) as change:
        searched = AuditSearched(filters=filters.names, events=len(shown))
        event = change.recording.event(EventType.AUDIT_SEARCHED, searched, subject or PLATFORM)
        insert_events(change.session, [event], change.services.outbox_shards)
    next_cursor = _write_position(shown[-1]) if len(found) > limit else None
    return AuditPage(items=[_view(row) for row in shown], next_cursor=next_cursor, complete_up_to=watermark)


def _ask(
    ours: Services, filters: Filters, before: tuple[datetime, str] | None, limit: int
) -> tuple[datetime | None, list[dict[str, Any]]]:
    from clickhouse_connect.driver.exceptions import Error  # noqa: PLC0415 - a third of a second of a cold start

    try:
        clickhouse = ours.clickhouse()
        if clickhouse is None:
            raise unavailable()
        with Session(ours.engine) as session:  # first the watermark: what comes later is only more
            watermark = complete_up_to(session, clickhouse, ours.stream, ours.now())
        return watermark, search(clickhouse, filters, before, limit)
    except (Error, OSError) as error:
        _log.warning("clickhouse failed a search", extra={"error": type(error).__name__})
        raise unavailable() from error


def _view(row: dict[str, Any]) -> AuditEvent:
    instants = {name: row[name].replace(tzinfo=UTC) for name in ("occurred_at", "sealed_at")}
    return AuditEvent(**{**row, **instants, "payload": json.loads(row["payload"])})


def _write_position(row: dict[str, Any]) -> str:
    return write_cursor(f"{row['occurred_at'].replace(tzinfo=UTC).isoformat()} {row['event_id']}")


def _read_position(key: str) -> tuple[datetime, str]:
    instant, _, event_id = key.partition(" ")
    try:
        return datetime.fromisoformat(instant).astimezone(UTC), event_id
    except (ValueError, OverflowError) as error:
        raise invalid_field("after", "not a cursor that this API gave") from error
