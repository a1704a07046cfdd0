"""Who holds which role. Nobody gives or takes away a role that carries what they don't hold themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from sqlalchemy import select
from starlette.requests import Request

from events.commands import RoleName, RoleNames
from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import Change, changing
from functions.admin_api.fields import Body, ClientName
from functions.admin_api.problems import ProblemError, not_found
from shared.database.models import Client, Role, RoleBinding, User
from shared.identity.changing_clients import revoking_client_roles
from shared.identity.changing_users import revoking_user_roles
from shared.identity.held import carried_by_roles
from shared.identity.registering_users import assigning_user_roles
from shared.identity.registration import assigning_client_roles

if TYPE_CHECKING:
    from collections.abc import Collection

router = APIRouter(tags=["roles"])
Assigner = Annotated[Caller, Depends(require("roles:assign"))]
Role_ = Annotated[RoleName, Path()]


class RolesBody(Body):
    """Those held already stay."""

    roles: Annotated[RoleNames, Field(min_length=1)]


class HeldRoles(BaseModel):
    roles: list[str]


@router.post("/users/{user_id}/roles")
def assign_to_user(request: Request, user_id: UUID, body: RolesBody, caller: Assigner) -> HeldRoles:
    """Give roles to a user."""
    with changing(request, caller) as change:
        user = change.session.get(User, user_id, with_for_update={"key_share": True})
        if user is None:
            raise not_found("user")
        if user.status == "erased":
            raise ProblemError(409, "conflict", "this user was erased, for good")
        _require_carried(change, body.roles)
        change.run(assigning_user_roles(change.recording, user_id, set(body.roles)))
        return _held(change, RoleBinding.user_id == user_id)


@router.delete("/users/{user_id}/roles/{role}")
def revoke_from_user(request: Request, user_id: UUID, role: Role_, caller: Assigner) -> HeldRoles:
    """Take a role away; one that isn't held is taken away already."""
    with changing(request, caller) as change:
        if change.session.get(User, user_id, with_for_update={"key_share": True}) is None:
            raise not_found("user")
        _require_carried(change, [role])
        change.run(revoking_user_roles(change.recording, user_id, [role]))
        return _held(change, RoleBinding.user_id == user_id)


@router.post("/clients/{client_id}/roles")
def assign_to_client(
    request: Request, client_id: Annotated[ClientName, Path()], body: RolesBody, caller: Assigner
) -> HeldRoles:
    """Give roles to a client: what it may do for itself."""
    with changing(request, caller) as change:
        row = _client(change, client_id)
        _require_carried(change, body.roles)
        change.run(assigning_client_roles(change.recording, client_id, set(body.roles)))
        return _held(change, RoleBinding.client_id == row)


@router.delete("/clients/{client_id}/roles/{role}")
def revoke_from_client(
    request: Request, client_id: Annotated[ClientName, Path()], role: Role_, caller: Assigner
) -> HeldRoles:
    """Take a role away; one that isn't held is taken away already."""
    with changing(request, caller) as change:
        row = _client(change, client_id)
        _require_carried(change, [role])
        change.run(revoking_client_roles(change.recording, client_id, [role]))
        return _held(change, RoleBinding.client_id == row)


def _require_carried(change: Change, roles: Collection[str]) -> None:
    change.require_held(change.run(carried_by_roles(roles)), "roles")


def _client(change: Change, client_id: str) -> UUID:
    row = change.session.scalar(select(Client.id).where(Client.client_id == client_id).with_for_update())
    if row is None:
        raise not_found("client")
    return row


def _held(change: Change, whose: object) -> HeldRoles:
    names = select(Role.name).join(RoleBinding, RoleBinding.role_id == Role.id).where(whose)  # type: ignore[arg-type]
    return HeldRoles(roles=sorted(change.session.scalars(names)))
