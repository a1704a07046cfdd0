"""Users, as administrators see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from events.commands import ExternalId
from functions.admin_api.caller import require
from functions.admin_api.paging import After, Limit, Page, read_cursor, read_id_cursor, write_cursor
from functions.admin_api.preconditions import show_etag
from functions.admin_api.problems import invalid_field, not_found
from functions.admin_api.services import OpenSession
from shared.database.models import Role, RoleBinding, User
from shared.identity.email import InvalidEmail, canonical_email

router = APIRouter(prefix="/users", tags=["users"], dependencies=[Depends(require("users:read"))])
Status = Literal["active", "disabled", "erased"]


class UserView(BaseModel):
    id: UUID
    external_id: str | None
    email: str | None
    email_verified: bool
    status: Status
    profile: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    version: int


class UserDetail(UserView):
    roles: list[str]


@router.get("")
def list_users(
    session: OpenSession,
    limit: Limit = 50,
    after: After = None,
    email: Annotated[str | None, Query(max_length=254, description="exactly this address")] = None,
    external_id: Annotated[ExternalId | None, Query(description="exactly this reference")] = None,
    status: Annotated[Status | None, Query(description="only those")] = None,
) -> Page[UserView]:
    """Users in the order of their making."""
    query = select(User).order_by(User.id).limit(limit + 1)
    if after is not None:
        query = query.where(User.id > read_id_cursor(read_cursor(after)))
    if email is not None:
        query = query.where(User.email_canonical == _canonical(email))
    if external_id is not None:
        query = query.where(User.external_id == external_id)
    if status is not None:
        query = query.where(User.status == status)
    rows = list(session.scalars(query))
    next_cursor = write_cursor(str(rows[limit - 1].id)) if len(rows) > limit else None
    return Page(items=[_view(user) for user in rows[:limit]], next_cursor=next_cursor)


@router.get("/{user_id}")
def get_user(session: OpenSession, user_id: UUID, response: Response) -> UserDetail:
    """One user with their roles; its version is the ETag."""
    return show_user(session, user_id, response)


def show_user(session: Session, user_id: UUID, response: Response) -> UserDetail:
    """The user as they are now, with the ETag in `response`.

    Raises:
        ProblemError: 404.
    """
    user = session.get(User, user_id, populate_existing=True)
    if user is None:
        raise not_found("user")
    held = select(Role.name).join(RoleBinding, RoleBinding.role_id == Role.id).where(RoleBinding.user_id == user_id)
    show_etag(response, user.version)
    return UserDetail(**_view(user).model_dump(), roles=sorted(session.scalars(held)))


def _view(user: User) -> UserView:
    return UserView(
        id=user.id,
        external_id=user.external_id,
        email=user.email,
        email_verified=user.email_verified_at is not None,
        status=user.status,
        profile=user.profile,
        created_at=user.created_at,
        updated_at=user.updated_at,
        version=user.version,
    )


def _canonical(email: str) -> str:
    try:
        return canonical_email(email)
    except InvalidEmail as error:
        raise invalid_field("email", "not an address") from error
