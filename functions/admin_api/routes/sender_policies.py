"""What each sender of commands may do."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy import select

from functions.admin_api.caller import require
from functions.admin_api.paging import After, Limit, Page, read_cursor, write_cursor
from functions.admin_api.problems import not_found
from functions.admin_api.routes.commands import SenderName
from functions.admin_api.services import OpenSession
from shared.database.models import SenderPolicy

router = APIRouter(prefix="/sender-policies", tags=["commands"], dependencies=[Depends(require("policies:read"))])


class PolicyView(BaseModel):
    sender: str
    name: str
    commands: list[str]
    roles: list[str]
    scopes: list[str]
    reply_queue_url: str | None
    created_at: datetime
    audiences: list[str]
    secret_prefix: str | None


@router.get("")
def list_policies(session: OpenSession, limit: Limit = 50, after: After = None) -> Page[PolicyView]:
    """Every sender's policy."""
    query = select(SenderPolicy).order_by(SenderPolicy.sender_id).limit(limit + 1)
    if after is not None:
        query = query.where(SenderPolicy.sender_id > read_cursor(after))
    rows = list(session.scalars(query))
    next_cursor = write_cursor(rows[limit - 1].sender_id) if len(rows) > limit else None
    return Page(items=[_view(row) for row in rows[:limit]], next_cursor=next_cursor)


@router.get("/{sender}")
def get_policy(session: OpenSession, sender: SenderName) -> PolicyView:
    """One sender's policy."""
    row = session.get(SenderPolicy, sender)
    if row is None:
        raise not_found("sender policy")
    return _view(row)


def _view(row: SenderPolicy) -> PolicyView:
    return PolicyView(
        sender=row.sender_id,
        name=row.name,
        commands=row.commands,
        roles=row.roles,
        scopes=row.scopes,
        reply_queue_url=row.reply_queue_url,
        created_at=row.created_at,
        audiences=row.audiences,
        secret_prefix=row.secret_prefix,
    )
