"""What people are signed in with: sessions, refresh families, consents; listed and ended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from sqlalchemy import select, text
from starlette.requests import Request

from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import changing
from functions.admin_api.fields import ClientName
from functions.admin_api.paging import After, Limit, Page, read_cursor, read_id_cursor, write_cursor
from functions.admin_api.problems import not_found
from functions.admin_api.services import OpenSession
from shared.database.models import Client, Consent, RefreshFamily, SignInSession, User
from shared.identity.not_before import is_after_not_before
from shared.identity.signing_out import ending_session, revoking_consent, revoking_family

router = APIRouter(tags=["sessions"])
_READ = Depends(require("sessions:read"))
Ender = Annotated[Caller, Depends(require("sessions:end"))]
Shown = Annotated[Literal["live", "all"], Query(description="only those that are live, or all")]


class SessionView(BaseModel):
    id: UUID
    user_id: UUID
    amr: list[str]
    authenticated_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    end_reason: str | None


class FamilyView(BaseModel):
    """A line of refresh tokens from one authorization."""

    id: UUID
    user_id: UUID
    client_id: str | None
    session_id: UUID | None
    scopes: list[str]
    generation: int
    created_at: datetime
    rotated_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoke_reason: str | None


class ConsentView(BaseModel):
    client_id: str
    scopes: list[str]
    granted_at: datetime
    updated_at: datetime


@router.get("/users/{user_id}/sessions", dependencies=[_READ])
def list_sessions(
    session: OpenSession, user_id: UUID, limit: Limit = 50, after: After = None, show: Shown = "live"
) -> Page[SessionView]:
    """A user's sign-in sessions, oldest first."""
    _require_user(session, user_id)
    query = select(SignInSession).where(SignInSession.user_id == user_id).order_by(SignInSession.id).limit(limit + 1)
    if after is not None:
        query = query.where(SignInSession.id > read_id_cursor(read_cursor(after)))
    if show == "live":
        query = query.where(SignInSession.ended_at.is_(None), text("sign_in_sessions.expires_at > now()"))
        query = query.where(text(is_after_not_before("sign_in_sessions.id")))
    rows = list(session.scalars(query))
    next_cursor = write_cursor(str(rows[limit - 1].id)) if len(rows) > limit else None
    views = [SessionView(**{name: getattr(row, name) for name in SessionView.model_fields}) for row in rows[:limit]]
    return Page(items=views, next_cursor=next_cursor)


@router.delete("/sessions/{session_id}", status_code=204)
def end_session(request: Request, session_id: UUID, caller: Ender) -> None:
    """End a session, and the refresh families that came of it. One that is over is over already."""
    with changing(request, caller) as change:
        exists = change.session.scalar(select(SignInSession.id).where(SignInSession.id == session_id))
        if exists is None:
            raise not_found("session")
        change.run(ending_session(change.recording, session_id))


@router.get("/users/{user_id}/refresh-families", dependencies=[_READ])
def list_families(
    session: OpenSession, user_id: UUID, limit: Limit = 50, after: After = None, show: Shown = "live"
) -> Page[FamilyView]:
    """A user's refresh families, oldest first."""
    _require_user(session, user_id)
    query = (
        select(RefreshFamily, Client.client_id)
        .outerjoin(Client, Client.id == RefreshFamily.client_id)
        .where(RefreshFamily.user_id == user_id)
        .order_by(RefreshFamily.id)
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(RefreshFamily.id > read_id_cursor(read_cursor(after)))
    if show == "live":
        query = query.where(RefreshFamily.revoked_at.is_(None), text("refresh_families.expires_at > now()"))
        query = query.where(text("refresh_families.idle_expires_at > now()"))
        query = query.where(text(is_after_not_before("refresh_families.id")))
    rows = list(session.execute(query))
    next_cursor = write_cursor(str(rows[limit - 1][0].id)) if len(rows) > limit else None
    return Page(items=[_family(row, client_id) for row, client_id in rows[:limit]], next_cursor=next_cursor)


@router.delete("/refresh-families/{family_id}", status_code=204)
def end_family(request: Request, family_id: UUID, caller: Ender) -> None:
    """Revoke a refresh family. One that is revoked is revoked already."""
    with changing(request, caller) as change:
        if change.session.scalar(select(RefreshFamily.id).where(RefreshFamily.id == family_id)) is None:
            raise not_found("refresh family")
        change.run(revoking_family(change.recording, family_id))


@router.get("/users/{user_id}/consents", dependencies=[_READ])
def list_consents(session: OpenSession, user_id: UUID, limit: Limit = 50, after: After = None) -> Page[ConsentView]:
    """What a user allowed which client."""
    _require_user(session, user_id)
    query = (
        select(Consent, Client.client_id)
        .join(Client, Client.id == Consent.client_id)
        .where(Consent.user_id == user_id)
        .order_by(Client.client_id.collate("C"))
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(Client.client_id.collate("C") > read_cursor(after))
    rows = list(session.execute(query))
    views = [
        ConsentView(client_id=client_id, scopes=row.scopes, granted_at=row.granted_at, updated_at=row.updated_at)
        for row, client_id in rows[:limit]
    ]
    return Page(items=views, next_cursor=write_cursor(rows[limit - 1][1]) if len(rows) > limit else None)


@router.delete("/users/{user_id}/consents/{client_id}", status_code=204)
def end_consent(request: Request, user_id: UUID, client_id: Annotated[ClientName, Path()], caller: Ender) -> None:
    """Take a consent back, and what the client holds by it."""
    with changing(request, caller) as change:
        if not change.run(revoking_consent(change.recording, user_id, client_id)):
            raise not_found("consent")


def _require_user(session: OpenSession, user_id: UUID) -> None:
    if session.get(User, user_id) is None:
        raise not_found("user")


def _family(row: RefreshFamily, client_id: str | None) -> FamilyView:
    own = {name: getattr(row, name) for name in FamilyView.model_fields if name != "client_id"}
    return FamilyView(**own, client_id=client_id)
