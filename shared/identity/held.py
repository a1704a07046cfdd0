"""What somebody holds, asked of the database: nobody grants what they don't hold."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from shared.database.steps import Statement
from shared.identity.subjects import CLIENT_PREFIX, is_client_subject

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.database.steps import Steps

HeldPermission = tuple[str, str]
"""Audience and name: a permission's name means nothing without its API."""

_OF_USER = (
    "SELECT DISTINCT s.audience, p.name FROM role_bindings b JOIN users u ON u.id = b.user_id"
    " JOIN role_permissions rp ON rp.role_id = b.role_id JOIN permissions p ON p.id = rp.permission_id"
    " JOIN resource_servers s ON s.id = p.resource_server_id"
    " WHERE b.user_id = %(id)s::uuid AND u.status = ANY(%(statuses)s)"
)
_OF_CLIENT = (
    "SELECT DISTINCT s.audience, p.name FROM role_bindings b JOIN clients c ON c.id = b.client_id"
    " JOIN role_permissions rp ON rp.role_id = b.role_id JOIN permissions p ON p.id = rp.permission_id"
    " JOIN resource_servers s ON s.id = p.resource_server_id"
    " WHERE c.client_id = %(client_id)s AND c.status = ANY(%(statuses)s)"
)
_OF_ROLES = (
    "SELECT DISTINCT s.audience, p.name FROM roles r JOIN role_permissions rp ON rp.role_id = r.id"
    " JOIN permissions p ON p.id = rp.permission_id JOIN resource_servers s ON s.id = p.resource_server_id"
    " WHERE r.name = ANY(%(names)s)"
)
_OF_SCOPES = (
    "SELECT DISTINCT s.audience, p.name FROM scopes x JOIN scope_permissions sp ON sp.scope_id = x.id"
    " JOIN permissions p ON p.id = sp.permission_id JOIN resource_servers s ON s.id = p.resource_server_id"
    " WHERE x.name = ANY(%(names)s)"
)
_ACTIVE = ("active",)
_ANY = ("active", "disabled")


def held_by_subject(subject: str) -> Steps[frozenset[HeldPermission]]:
    """What a token's `sub` may make use of now: nothing, once it is disabled or erased."""
    if is_client_subject(subject):
        return (yield from held_by_client(subject.removeprefix(CLIENT_PREFIX), _ACTIVE))
    try:
        user_id = UUID(subject)
    except ValueError:
        return frozenset()
    return (yield from held_by_user(user_id, _ACTIVE))


def held_by_user(user_id: UUID, statuses: Collection[str] = _ANY) -> Steps[frozenset[HeldPermission]]:
    """What they hold, or would hold again when enabled."""
    rows = yield Statement(_OF_USER, {"id": user_id, "statuses": list(statuses)})
    return frozenset((audience, name) for audience, name in rows)


def held_by_client(client_id: str, statuses: Collection[str] = _ANY) -> Steps[frozenset[HeldPermission]]:
    """What it holds, or would hold again when enabled."""
    rows = yield Statement(_OF_CLIENT, {"client_id": client_id, "statuses": list(statuses)})
    return frozenset((audience, name) for audience, name in rows)


def carried_by_roles(names: Collection[str]) -> Steps[frozenset[HeldPermission]]:
    """Of those that there are."""
    rows = yield Statement(_OF_ROLES, {"names": sorted(names)})
    return frozenset((audience, name) for audience, name in rows)


def carried_by_scopes(names: Collection[str]) -> Steps[frozenset[HeldPermission]]:
    """Of those that there are; the standard ones carry none."""
    rows = yield Statement(_OF_SCOPES, {"names": sorted(names)})
    return frozenset((audience, name) for audience, name in rows)
