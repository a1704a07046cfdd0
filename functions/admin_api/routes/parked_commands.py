"""Commands that wait for somebody's decision, and those that wait behind them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import select
from starlette.requests import Request

from events.control import ControlType
from events.payloads.command import CommandEdited
from events.types import EventType
from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import changing
from functions.admin_api.editing import read_edited
from functions.admin_api.fields import Body
from functions.admin_api.paging import After, Limit, Page, read_cursor, write_cursor
from functions.admin_api.preconditions import IfMatch, require_match, show_etag
from functions.admin_api.problems import ProblemError, invalid_field, not_found
from functions.admin_api.services import OpenSession, services
from shared.database.models import ParkedCommand
from shared.database.outbox import insert_events
from shared.identity.subjects import sender_subject

router = APIRouter(prefix="/parked-commands", tags=["commands"])
State = Literal["parked", "waiting", "redriven", "dismissed"]
Group = Annotated[str | None, Query(pattern=r"^[\x21-\x7e]{1,128}$", description="a user's: who waits behind, too")]
_READ = Depends(require("commands:read"))


class ParkedView(BaseModel):
    id: UUID
    sender: str
    command_id: str
    group: str
    state: State
    reason: str | None
    detail: str | None
    parked_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


class ParkedDetail(ParkedView):
    """`body` as the sender sent it; empty where it was applied, or its user was erased."""

    body: str


class EditedBody(Body):
    """The whole message, as the sender would send it; only its payload may differ."""

    body: Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=65_536)]


class Accepted(BaseModel):
    """The decision is queued behind the user's messages. What became of it is seen at the parked command."""

    command_id: str
    parked_id: UUID


@router.get("", dependencies=[_READ])
def list_parked(session: OpenSession, limit: Limit = 50, after: After = None, group: Group = None) -> Page[ParkedView]:
    """The parked ones, oldest first; of one group also those that wait."""
    query = select(ParkedCommand).order_by(ParkedCommand.position).limit(limit + 1)
    if group is None:
        query = query.where(ParkedCommand.state == "parked")
    else:
        query = query.where(ParkedCommand.group_key == group, ParkedCommand.state.in_(["parked", "waiting"]))
    if after is not None:
        query = query.where(ParkedCommand.position > _position(read_cursor(after)))
    rows = list(session.scalars(query))
    next_cursor = write_cursor(str(rows[limit - 1].position)) if len(rows) > limit else None
    return Page(items=[ParkedView(**_fields(row)) for row in rows[:limit]], next_cursor=next_cursor)


@router.get("/{parked_id}", dependencies=[_READ])
def get_parked(session: OpenSession, parked_id: UUID, response: Response) -> ParkedDetail:
    """One parked command with its body; what it is now is the ETag."""
    row = _find(session, parked_id)
    show_etag(response, _version(row))
    return ParkedDetail(**_fields(row), body=row.body)


@router.put("/{parked_id}/body")
def edit(
    request: Request,
    response: Response,
    parked_id: UUID,
    body: EditedBody,
    caller: Annotated[Caller, Depends(require("commands:edit"))],
    if_match: IfMatch = None,
) -> ParkedDetail:
    """Change what a parked command asks for; redrive it then. If-Match is needed."""
    with changing(request, caller) as change:
        row = change.session.get(ParkedCommand, parked_id, with_for_update=True)
        if row is None:
            raise not_found("parked command")
        require_match(if_match, _version(row))
        if row.state != "parked":
            raise ProblemError(409, "conflict", f"it is {row.state}, not parked")
        command, fields = read_edited(change, row.body, body.body)
        if fields:
            row.body = body.body
            edited = CommandEdited(
                sender=row.sender, command_id=row.command_id, command_type=command.type, fields=fields
            )
            event = change.recording.event(EventType.COMMAND_EDITED, edited, sender_subject(row.sender))
            insert_events(change.session, [event], change.services.outbox_shards)
        show_etag(response, _version(row))
        return ParkedDetail(**_fields(row), body=row.body)


@router.post("/{parked_id}/redrive", status_code=202)
def redrive(
    session: OpenSession,
    parked_id: UUID,
    request: Request,
    caller: Annotated[Caller, Depends(require("commands:redrive"))],
) -> Accepted:
    """Have it applied again, and then those that wait behind it, in order."""
    row = _open(session, parked_id)
    if row.state == "waiting":
        raise ProblemError(409, "conflict", "it waits behind a parked command: redrive or dismiss that one")
    return _send(request, ControlType.REDRIVE, row, caller)


@router.post("/{parked_id}/dismiss", status_code=202)
def dismiss(
    session: OpenSession,
    parked_id: UUID,
    request: Request,
    caller: Annotated[Caller, Depends(require("commands:dismiss"))],
) -> Accepted:
    """Give it up, and have those applied that wait behind it."""
    return _send(request, ControlType.DISMISS, _open(session, parked_id), caller)


def _send(request: Request, control_type: ControlType, row: ParkedCommand, caller: Caller) -> Accepted:
    command_id = services(request).control_queue.send(
        control_type, row, actor=caller.subject, request_id=request.state.request_id
    )
    return Accepted(command_id=command_id, parked_id=row.id)


def _find(session: OpenSession, parked_id: UUID) -> ParkedCommand:
    row = session.get(ParkedCommand, parked_id)
    if row is None:
        raise not_found("parked command")
    return row


def _open(session: OpenSession, parked_id: UUID) -> ParkedCommand:
    row = _find(session, parked_id)
    if row.state not in ("parked", "waiting"):
        raise ProblemError(409, "conflict", f"it is {row.state} already")
    return row


def _version(row: ParkedCommand) -> str:
    return hashlib.sha256(f"{row.state}\0{row.reason}\0{row.body}".encode(errors="surrogatepass")).hexdigest()[:32]


def _fields(row: ParkedCommand) -> dict[str, object]:
    return {
        "id": row.id,
        "sender": row.sender,
        "command_id": row.command_id,
        "group": row.group_key,
        "state": row.state,
        "reason": row.reason,
        "detail": row.detail,
        "parked_at": row.parked_at,
        "resolved_at": row.resolved_at,
        "resolved_by": row.resolved_by,
    }


def _position(key: str) -> int:
    if not key.isascii() or not key.isdigit() or len(key) > 18:
        raise invalid_field("after", "not a cursor that this API gave")
    return int(key)
