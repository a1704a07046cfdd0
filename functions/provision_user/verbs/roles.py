"""user.assign_roles and user.revoke_roles: only roles that the sender's policy holds, either way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.payloads.user import UserRolesAssigned, UserRolesRevoked
from events.types import EventType
from functions.provision_user.users import require_user, role_ids
from shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from events.commands import UserAssignRolesCommand, UserRevokeRolesCommand
    from functions.provision_user.policy import Policy
    from functions.provision_user.users import User
    from functions.provision_user.work import Work

_BIND = """
INSERT INTO role_bindings (id, role_id, user_id, granted_by, granted_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_UNBIND = "DELETE FROM role_bindings WHERE user_id = %s AND role_id = ANY(%s)"
_HELD = """
SELECT roles.name FROM role_bindings JOIN roles ON roles.id = role_bindings.role_id
WHERE role_bindings.user_id = %s AND roles.name = ANY(%s)
"""


def assign_roles(work: Work, command: UserAssignRolesCommand, user: User | None, policy: Policy) -> UUID:
    policy.require_roles(command.payload.roles)
    user = require_user(user)
    roles = role_ids(work.connection, command.payload.roles)
    held = _held(work, user, roles)
    bind_roles(work, user.id, {name: role_id for name, role_id in roles.items() if name not in held})
    return user.id


def revoke_roles(work: Work, command: UserRevokeRolesCommand, user: User | None, policy: Policy) -> UUID:
    policy.require_roles(command.payload.roles)
    user = require_user(user)
    roles = role_ids(work.connection, command.payload.roles)
    held = _held(work, user, roles)
    if held:
        work.write(_UNBIND, user.id, [roles[name] for name in held])
        work.record(EventType.USER_ROLES_REVOKED, UserRolesRevoked(roles=tuple(sorted(held))), subject=str(user.id))
        work.user_changed(user.id)
    return user.id


def bind_roles(work: Work, user_id: UUID, roles: Mapping[str, UUID]) -> None:
    """Have roles bound that the user doesn't hold yet, each once, and the event written."""
    if not roles:
        return
    for role_id in roles.values():
        work.write(_BIND, new_id(), role_id, user_id, work.actor, work.now)
    work.record(EventType.USER_ROLES_ASSIGNED, UserRolesAssigned(roles=tuple(sorted(roles))), subject=str(user_id))
    work.user_changed(user_id)


def _held(work: Work, user: User, roles: Mapping[str, UUID]) -> set[str]:
    return {name for (name,) in work.connection.execute(_HELD, (user.id, list(roles))).fetchall()}
