"""Roles, and what they carry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from events.commands import RoleName
from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import Change, changing
from functions.admin_api.fields import Audience, Body, PermissionName, Text
from functions.admin_api.idempotency import create_once
from functions.admin_api.paging import After, Limit, Page, read_cursor, write_cursor
from functions.admin_api.preconditions import IfMatch, require_match, show_etag
from functions.admin_api.problems import not_found
from functions.admin_api.services import OpenSession
from shared.database.models import Permission, ResourceServer, Role, RolePermission
from shared.identity.changing_access import deleting_role, updating_role
from shared.identity.held import HeldPermission, carried_by_roles
from shared.identity.registration import creating_role

router = APIRouter(prefix="/roles", tags=["roles"])
_READ = Depends(require("roles:read"))
Writer = Annotated[Caller, Depends(require("roles:write"))]
Name = Annotated[RoleName, Path()]


class CarriedPermission(Body):
    audience: Audience
    name: PermissionName


Carried = Annotated[tuple[CarriedPermission, ...], Field(max_length=500)]


class NewRole(Body):
    """It takes holding every permission that the role carries."""

    name: RoleName
    description: Text = ""
    permissions: Carried = ()


class RoleChange(Body):
    """What is left out stays. `permissions`: all that it carries from now on."""

    description: Annotated[Text, Field(default=None)]
    permissions: Annotated[Carried, Field(default=None)]


class RoleView(BaseModel):
    name: str
    description: str
    created_at: datetime
    version: int


class RoleDetail(RoleView):
    permissions: list[CarriedPermission]


@router.get("", dependencies=[_READ])
def list_roles(session: OpenSession, limit: Limit = 50, after: After = None) -> Page[RoleView]:
    """Roles by name."""
    query = select(Role).order_by(Role.name.collate("C")).limit(limit + 1)
    if after is not None:
        query = query.where(Role.name.collate("C") > read_cursor(after))
    rows = list(session.scalars(query))
    next_cursor = write_cursor(rows[limit - 1].name) if len(rows) > limit else None
    return Page(items=[_view(row) for row in rows[:limit]], next_cursor=next_cursor)


@router.get("/{role}", dependencies=[_READ])
def get_role(session: OpenSession, role: Name, response: Response) -> RoleDetail:
    """One role with what it carries; its version is the ETag."""
    return _show(session, role, response)


@router.post("", status_code=201)
def create_role(request: Request, response: Response, body: NewRole, caller: Writer) -> RoleDetail:
    """A new role, which nobody holds yet."""
    with changing(request, caller) as change:

        def create() -> str:
            wanted = _pairs(body.permissions)
            change.require_held(wanted, "permissions")
            change.run(creating_role(change.recording, body.name, wanted, body.description))
            return body.name

        made, _ = create_once(change, request, response, body, create)
        response.headers["location"] = f"/roles/{made}"
        return _show(change.session, made, response)


@router.patch("/{role}")
def update_role(
    request: Request, response: Response, role: Name, body: RoleChange, caller: Writer, if_match: IfMatch = None
) -> RoleDetail:
    """Change what it carries: it takes holding what it carried and what it will carry. If-Match is needed."""
    with changing(request, caller) as change:
        carried = _lock(change, role, if_match)
        wanted = _pairs(body.permissions) if "permissions" in body.model_fields_set else None
        change.require_held(carried | (wanted or frozenset()), "permissions")
        description = body.description if "description" in body.model_fields_set else None
        if description is not None or wanted is not None:
            change.run(updating_role(change.recording, role, description=description, permissions=wanted))
        return _show(change.session, role, response)


@router.delete("/{role}", status_code=204)
def delete_role(request: Request, role: Name, caller: Writer, if_match: IfMatch = None) -> None:
    """Whoever holds it loses it. If-Match is needed."""
    with changing(request, caller) as change:
        change.require_held(_lock(change, role, if_match), "role")
        change.run(deleting_role(change.recording, role))


def _lock(change: Change, name: str, if_match: str | None) -> frozenset[HeldPermission]:
    row = change.session.scalar(select(Role).where(Role.name == name).with_for_update())
    if row is None:
        raise not_found("role")
    require_match(if_match, row.version)
    return change.run(carried_by_roles([name]))


def _show(session: Session, name: str, response: Response) -> RoleDetail:
    row = session.scalar(select(Role).where(Role.name == name).execution_options(populate_existing=True))
    if row is None:
        raise not_found("role")
    carried = (
        select(ResourceServer.audience, Permission.name)
        .join(Permission, Permission.resource_server_id == ResourceServer.id)
        .join(RolePermission, RolePermission.permission_id == Permission.id)
        .where(RolePermission.role_id == row.id)
        .order_by(ResourceServer.audience, Permission.name)
    )
    show_etag(response, row.version)
    permissions = [CarriedPermission(audience=audience, name=name) for audience, name in session.execute(carried)]
    return RoleDetail(**_view(row).model_dump(), permissions=permissions)


def _view(row: Role) -> RoleView:
    return RoleView(name=row.name, description=row.description, created_at=row.created_at, version=row.version)


def _pairs(permissions: tuple[CarriedPermission, ...]) -> frozenset[HeldPermission]:
    return frozenset((each.audience, each.name) for each in permissions)
