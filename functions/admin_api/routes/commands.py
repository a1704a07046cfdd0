"""What became of a command."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel
from sqlalchemy import select

from events.commands import CommandId
from functions.admin_api.caller import require
from functions.admin_api.problems import not_found
from functions.admin_api.services import OpenSession
from shared.database.models import InboxCommand

router = APIRouter(prefix="/commands", tags=["commands"], dependencies=[Depends(require("commands:read"))])
SenderName = Annotated[str, Path(pattern=r"^[\x21-\x7e]{1,200}$", description="the principal, without a session name")]


class CommandStatus(BaseModel):
    """`refused_reuses`: later messages that came with the same id and another body; they changed nothing."""

    sender: str
    command_id: str
    type: str
    state: str
    reason: str | None
    detail: str | None
    user_id: UUID | None
    received_at: datetime
    finished_at: datetime | None
    refused_reuses: int


@router.get("/{sender}/{command_id}")
def get_command(session: OpenSession, sender: SenderName, command_id: Annotated[CommandId, Path()]) -> CommandStatus:
    """The first message that came with this id: only it can have had an effect."""
    rows = list(
        session.scalars(
            select(InboxCommand)
            .where(InboxCommand.sender == sender, InboxCommand.command_id == command_id)
            .order_by(InboxCommand.received_at)
            .limit(1_000)
        )
    )
    if not rows:
        raise not_found("command")
    first = rows[0]
    return CommandStatus(
        sender=first.sender,
        command_id=first.command_id,
        type=first.type,
        state=first.state,
        reason=first.reason,
        detail=first.detail,
        user_id=first.user_id,
        received_at=first.received_at,
        finished_at=first.finished_at,
        refused_reuses=len(rows) - 1,
    )
