"""An API's permissions and scopes. The admin API's own are its code's: nobody adds to them here.

A new permission is held by nobody, and nobody grants what they don't hold: `role` puts it into a role that its maker
holds. What a scope stops to carry, and a scope or permission that goes, takes holding it: or somebody could make it
anew, empty, and have what they lack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field
from sqlalchemy import select
from starlette.requests import Request

from events.commands import RoleName
from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import Change, changing
from functions.admin_api.fields import Body, PermissionName, ScopeName, Text
from functions.admin_api.idempotency import create_once
from functions.admin_api.preconditions import IfMatch, require_match
from functions.admin_api.problems import ProblemError, invalid_field, not_found
from functions.admin_api.routes.resource_servers import (
    ResourceServerDetail,
    lock_resource_server,
    show_resource_server,
)
from shared.database.models import Permission, ResourceServer, Scope
from shared.database.steps import Statement, run
from shared.identity.changing_access import deleting_permission, deleting_scope, updating_role, updating_scope
from shared.identity.held import carried_by_roles, carried_by_scopes
from shared.identity.registration import creating_permission, creating_scope

if TYPE_CHECKING:
    from shared.database.steps import Steps

router = APIRouter(prefix="/resource-servers/{resource_server_id}", tags=["APIs"])
Writer = Annotated[Caller, Depends(require("apis:write"))]
PermissionNames = Annotated[tuple[PermissionName, ...], Field(max_length=500)]


class NewPermission(Body):
    """`role`: one that the caller holds, which carries the permission from the beginning."""

    name: PermissionName
    description: Text = ""
    role: RoleName | None = None


class NewScope(Body):
    """Whoever holds all of `permissions` can get it; where there are none, everybody."""

    name: ScopeName
    description: Text = ""
    permissions: PermissionNames = ()


class ScopeChange(Body):
    """What is left out stays. `permissions`: all that it carries from now on."""

    description: Annotated[Text, Field(default=None)]
    permissions: Annotated[PermissionNames, Field(default=None)]


@router.post("/permissions", status_code=201)
def create_permission(
    request: Request, response: Response, resource_server_id: UUID, body: NewPermission, caller: Writer
) -> ResourceServerDetail:
    """A new permission at this API."""
    with changing(request, caller) as change:
        api = _lock_foreign(change, resource_server_id)

        def create() -> str:
            change.run(creating_permission(change.recording, api.audience, body.name, body.description))
            if body.role is not None:
                _put_into_role(change, body.role, api.audience, body.name)
            return body.name

        create_once(change, request, response, body, create)
        response.headers["location"] = f"/resource-servers/{resource_server_id}/permissions/{body.name}"
        return show_resource_server(change.session, resource_server_id, response)


@router.delete("/permissions/{permission}")
def delete_permission(
    request: Request,
    response: Response,
    resource_server_id: UUID,
    permission: Annotated[PermissionName, Path()],
    caller: Writer,
    if_match: IfMatch = None,
) -> ResourceServerDetail:
    """Roles lose it. Not while a scope carries it. If-Match, with the API's ETag, is needed."""
    with changing(request, caller) as change:
        api = _lock_foreign(change, resource_server_id)
        _require_there(change, Permission, api.id, permission, "permission")
        require_match(if_match, api.version)
        change.require_held(frozenset({(api.audience, permission)}), "permission")
        change.run(deleting_permission(change.recording, api.audience, permission))
        return show_resource_server(change.session, resource_server_id, response)


@router.post("/scopes", status_code=201)
def create_scope(
    request: Request, response: Response, resource_server_id: UUID, body: NewScope, caller: Writer
) -> ResourceServerDetail:
    """A new scope at this API."""
    with changing(request, caller) as change:
        api = _lock_foreign(change, resource_server_id)

        def create() -> str:
            permissions = sorted(set(body.permissions))
            change.run(creating_scope(change.recording, api.audience, body.name, permissions, body.description))
            return body.name

        create_once(change, request, response, body, create)
        return show_resource_server(change.session, resource_server_id, response)


@router.patch("/scopes/{scope}")
def update_scope(
    request: Request,
    response: Response,
    resource_server_id: UUID,
    scope: Annotated[ScopeName, Path()],
    body: ScopeChange,
    caller: Writer,
    if_match: IfMatch = None,
) -> ResourceServerDetail:
    """Change what it carries: it takes holding what it stops to carry. If-Match, with the API's ETag, is needed."""
    with changing(request, caller) as change:
        api = _lock_foreign(change, resource_server_id)
        _require_there(change, Scope, api.id, scope, "scope")
        require_match(if_match, api.version)
        wanted = None
        if "permissions" in body.model_fields_set:
            wanted = set(body.permissions)
            carried = change.run(carried_by_scopes([scope]))
            change.require_held(carried - {(api.audience, name) for name in wanted}, "permissions")
        description = body.description if "description" in body.model_fields_set else None
        if description is not None or wanted is not None:
            change.run(
                updating_scope(change.recording, api.audience, scope, description=description, permissions=wanted)
            )
        return show_resource_server(change.session, resource_server_id, response)


@router.delete("/scopes/{scope}")
def delete_scope(
    request: Request,
    response: Response,
    resource_server_id: UUID,
    scope: Annotated[ScopeName, Path()],
    caller: Writer,
    if_match: IfMatch = None,
) -> ResourceServerDetail:
    """Nobody gets it any more. It takes holding what it carries. If-Match, with the API's ETag, is needed."""
    with changing(request, caller) as change:
        api = _lock_foreign(change, resource_server_id)
        _require_there(change, Scope, api.id, scope, "scope")
        require_match(if_match, api.version)
        change.require_held(change.run(carried_by_scopes([scope])), "scope")
        change.run(deleting_scope(change.recording, api.audience, scope))
        return show_resource_server(change.session, resource_server_id, response)


def _lock_foreign(change: Change, resource_server_id: UUID) -> ResourceServer:
    api = lock_resource_server(change, resource_server_id)
    if api.audience == change.services.audience:
        raise ProblemError(403, "fixed", "the admin API's own permissions and scopes come with its code")
    return api


def _require_there(
    change: Change, model: type[Permission | Scope], resource_server_id: UUID, name: str, what: str
) -> None:
    query = select(model.id).where(model.resource_server_id == resource_server_id, model.name == name)
    if change.session.scalar(query) is None:
        raise not_found(what)


def _put_into_role(change: Change, role: str, audience: str, permission: str) -> None:
    """Into a role that the maker holds."""
    if not run(change.session, _holds_role(change.caller.subject, role)):
        raise invalid_field("role", "not a role that you hold")
    change.require_held(frozenset({(change.services.audience, "roles:write")}), "role")
    carried = change.run(carried_by_roles([role]))
    change.run(updating_role(change.recording, role, permissions=carried | {(audience, permission)}))


def _holds_role(subject: str, role: str) -> Steps[bool]:
    rows = yield Statement(
        "SELECT 1 FROM role_bindings b JOIN roles r ON r.id = b.role_id LEFT JOIN clients c ON c.id = b.client_id"
        " WHERE r.name = %(role)s AND (b.user_id::text = %(subject)s OR 'client:' || c.client_id = %(subject)s)"
        " FOR UPDATE OF r",
        {"role": role, "subject": subject},
    )
    return bool(rows)
