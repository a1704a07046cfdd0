"""APIs (resource servers). Their `audience` stays as it is made: tokens name it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import Change, changing
from functions.admin_api.fields import Audience, Body, Title
from functions.admin_api.idempotency import create_once
from functions.admin_api.paging import After, Limit, Page, read_cursor, read_id_cursor, write_cursor
from functions.admin_api.preconditions import IfMatch, require_match, show_etag
from functions.admin_api.problems import not_found
from functions.admin_api.services import OpenSession
from shared.database.models import Permission, ResourceServer, Scope, ScopePermission
from shared.identity.changing_access import updating_resource_server
from shared.identity.registration import creating_resource_server

router = APIRouter(prefix="/resource-servers", tags=["APIs"])
_READ = Depends(require("apis:read"))
Writer = Annotated[Caller, Depends(require("apis:write"))]


class NewResourceServer(Body):
    audience: Audience
    name: Title


class ResourceServerChange(Body):
    name: Title


class PermissionView(BaseModel):
    name: str
    description: str


class ScopeView(PermissionView):
    permissions: list[str]


class ResourceServerView(BaseModel):
    id: UUID
    audience: str
    name: str
    created_at: datetime
    version: int


class ResourceServerDetail(ResourceServerView):
    permissions: list[PermissionView]
    scopes: list[ScopeView]


@router.get("", dependencies=[_READ])
def list_resource_servers(session: OpenSession, limit: Limit = 50, after: After = None) -> Page[ResourceServerView]:
    """APIs in the order of their making."""
    query = select(ResourceServer).order_by(ResourceServer.id).limit(limit + 1)
    if after is not None:
        query = query.where(ResourceServer.id > read_id_cursor(read_cursor(after)))
    rows = list(session.scalars(query))
    next_cursor = write_cursor(str(rows[limit - 1].id)) if len(rows) > limit else None
    return Page(items=[_view(row) for row in rows[:limit]], next_cursor=next_cursor)


@router.get("/{resource_server_id}", dependencies=[_READ])
def get_resource_server(session: OpenSession, resource_server_id: UUID, response: Response) -> ResourceServerDetail:
    """One API with its permissions and scopes; its version, which changes with them, is the ETag."""
    return show_resource_server(session, resource_server_id, response)


@router.post("", status_code=201)
def create_resource_server(
    request: Request, response: Response, body: NewResourceServer, caller: Writer
) -> ResourceServerDetail:
    """A new API, without permissions or scopes yet."""
    with changing(request, caller) as change:
        made, _ = create_once(
            change,
            request,
            response,
            body,
            lambda: str(change.run(creating_resource_server(change.recording, body.audience, body.name))),
        )
        response.headers["location"] = f"/resource-servers/{made}"
        return show_resource_server(change.session, UUID(made), response)


@router.patch("/{resource_server_id}")
def update_resource_server(
    request: Request,
    response: Response,
    resource_server_id: UUID,
    body: ResourceServerChange,
    caller: Writer,
    if_match: IfMatch = None,
) -> ResourceServerDetail:
    """Give it another name. If-Match is needed."""
    with changing(request, caller) as change:
        row = lock_resource_server(change, resource_server_id)
        require_match(if_match, row.version)
        change.run(updating_resource_server(change.recording, row.audience, body.name))
        return show_resource_server(change.session, resource_server_id, response)


def lock_resource_server(change: Change, resource_server_id: UUID) -> ResourceServer:
    """Raises ProblemError: 404."""
    row = change.session.get(ResourceServer, resource_server_id, with_for_update=True)
    if row is None:
        raise not_found("resource server")
    return row


def show_resource_server(session: Session, resource_server_id: UUID, response: Response) -> ResourceServerDetail:
    """As it is now, with the ETag in `response`. Raises ProblemError: 404."""
    row = session.get(ResourceServer, resource_server_id, populate_existing=True)
    if row is None:
        raise not_found("resource server")
    permissions = session.scalars(
        select(Permission).where(Permission.resource_server_id == row.id).order_by(Permission.name)
    )
    carried: dict[UUID, list[str]] = {}
    pairs = (
        select(ScopePermission.scope_id, Permission.name)
        .join(Permission, Permission.id == ScopePermission.permission_id)
        .where(Permission.resource_server_id == row.id)
        .order_by(Permission.name)
    )
    for scope_id, name in session.execute(pairs):
        carried.setdefault(scope_id, []).append(name)
    scopes = session.scalars(select(Scope).where(Scope.resource_server_id == row.id).order_by(Scope.name))
    show_etag(response, row.version)
    return ResourceServerDetail(
        **_view(row).model_dump(),
        permissions=[PermissionView(name=each.name, description=each.description) for each in permissions],
        scopes=[
            ScopeView(name=each.name, description=each.description, permissions=carried.get(each.id, []))
            for each in scopes
        ],
    )


def _view(row: ResourceServer) -> ResourceServerView:
    return ResourceServerView(
        id=row.id, audience=row.audience, name=row.name, created_at=row.created_at, version=row.version
    )
