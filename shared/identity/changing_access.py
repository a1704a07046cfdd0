"""Changing roles, scopes, permissions and APIs, with their events. Steps in the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.payloads.access import (
    PermissionDeleted,
    ResourceServerUpdated,
    RoleDeleted,
    RoleUpdated,
    ScopeDeleted,
    ScopeUpdated,
)
from events.types import EventType
from shared.database.authority import noting_change
from shared.database.outbox import inserting_events
from shared.database.steps import Statement
from shared.identity.registration import RegistrationError, UnknownNameError, permission_ids
from shared.identity.subjects import role_subject

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from events.payloads.fields import Payload
    from shared.database.steps import Steps
    from shared.identity.held import HeldPermission
    from shared.identity.recording import Recording

_BUMP_API = "UPDATE resource_servers SET version = version + 1 WHERE audience = %(audience)s RETURNING id"


def updating_role(
    recording: Recording,
    name: str,
    *,
    description: str | None = None,
    permissions: Collection[HeldPermission] | None = None,
) -> Steps[None]:
    """What is None stays. `permissions`: all that it carries from now on. Raises UnknownNameError."""
    rows = yield Statement(
        "UPDATE roles SET description = coalesce(%(description)s, description), version = version + 1"
        " WHERE name = %(name)s RETURNING id",
        {"name": name, "description": description},
    )
    if not rows:
        raise UnknownNameError("role", f"there is no role {name}")
    carried = None
    if permissions is not None:
        wanted = yield from permission_ids(permissions)
        yield from _replace("role_permissions", "role_id", rows[0][0], wanted)
        carried = tuple(sorted(f"{audience} {permission}" for audience, permission in permissions))
    fields = _given(description=description, permissions=permissions)
    payload = RoleUpdated(role=name, fields=fields, permissions=carried)
    yield from _record(recording, EventType.ROLE_UPDATED, payload, role_subject(name))
    yield from noting_change("role", name)


def deleting_role(recording: Recording, name: str) -> Steps[None]:
    """Nobody holds it any more. Raises UnknownNameError."""
    rows = yield Statement("DELETE FROM roles WHERE name = %(name)s RETURNING id", {"name": name})
    if not rows:
        raise UnknownNameError("role", f"there is no role {name}")
    yield from _record(recording, EventType.ROLE_DELETED, RoleDeleted(role=name), role_subject(name))
    yield from noting_change("role", name)


def updating_resource_server(recording: Recording, audience: str, name: str) -> Steps[None]:
    """Its audience stays: tokens name it. Raises UnknownNameError."""
    rows = yield Statement(
        "UPDATE resource_servers SET name = %(name)s, version = version + 1 WHERE audience = %(audience)s RETURNING id",
        {"audience": audience, "name": name},
    )
    if not rows:
        raise UnknownNameError("audience", "there is no resource server of this audience")
    payload = ResourceServerUpdated(audience=audience, fields=("name",))
    yield from _record(recording, EventType.RESOURCE_SERVER_UPDATED, payload, audience)
    yield from noting_change("resource_server", str(rows[0][0]))


def updating_scope(
    recording: Recording,
    audience: str,
    name: str,
    *,
    description: str | None = None,
    permissions: Collection[str] | None = None,
) -> Steps[None]:
    """What is None stays. `permissions`: names at the same API. Raises UnknownNameError."""
    rows = yield Statement(
        "UPDATE scopes x SET description = coalesce(%(description)s, x.description) FROM resource_servers s"
        " WHERE x.name = %(name)s AND s.id = x.resource_server_id AND s.audience = %(audience)s RETURNING x.id",
        {"name": name, "audience": audience, "description": description},
    )
    if not rows:
        raise UnknownNameError("scope", "this resource server has no scope of this name")
    if permissions is not None:
        wanted = yield from permission_ids({(audience, permission) for permission in permissions})
        yield from _replace("scope_permissions", "scope_id", rows[0][0], wanted)
    payload = ScopeUpdated(
        scope=name,
        audience=audience,
        fields=_given(description=description, permissions=permissions),
        permissions=None if permissions is None else tuple(sorted(permissions)),
    )
    yield from _record(recording, EventType.SCOPE_UPDATED, payload, audience)
    yield from _note_api(audience)


def deleting_scope(recording: Recording, audience: str, name: str) -> Steps[None]:
    """Nobody gets it any more. Raises UnknownNameError."""
    rows = yield Statement(
        "DELETE FROM scopes x USING resource_servers s WHERE x.name = %(name)s AND s.id = x.resource_server_id"
        " AND s.audience = %(audience)s RETURNING x.id",
        {"name": name, "audience": audience},
    )
    if not rows:
        raise UnknownNameError("scope", "this resource server has no scope of this name")
    yield from _record(recording, EventType.SCOPE_DELETED, ScopeDeleted(scope=name, audience=audience), audience)
    yield from _note_api(audience)


def deleting_permission(recording: Recording, audience: str, name: str) -> Steps[None]:
    """Not while a scope carries it: that scope would be had by people who lack it. Roles lose it.

    Raises:
        UnknownNameError: there is none.
        RegistrationError: a scope carries it.
    """
    carried = yield Statement(
        "SELECT x.name FROM permissions p JOIN resource_servers s ON s.id = p.resource_server_id"
        " JOIN scope_permissions sp ON sp.permission_id = p.id JOIN scopes x ON x.id = sp.scope_id"
        " WHERE p.name = %(name)s AND s.audience = %(audience)s ORDER BY x.name LIMIT 1",
        {"name": name, "audience": audience},
    )
    if carried:
        raise RegistrationError("permission", f"the scope {carried[0][0]} carries it: change or delete that first")
    rows = yield Statement(
        "DELETE FROM permissions p USING resource_servers s WHERE p.name = %(name)s AND s.id = p.resource_server_id"
        " AND s.audience = %(audience)s RETURNING p.id",
        {"name": name, "audience": audience},
    )
    if not rows:
        raise UnknownNameError("permission", "this resource server has no permission of this name")
    payload = PermissionDeleted(permission=name, audience=audience)
    yield from _record(recording, EventType.PERMISSION_DELETED, payload, audience)
    yield from _note_api(audience)


def _replace(table: str, column: str, identifier: UUID, wanted: list[UUID]) -> Steps[None]:
    parameters = {"id": identifier, "permissions": wanted}
    yield Statement(
        f"DELETE FROM {table} WHERE {column} = %(id)s AND permission_id <> ALL(%(permissions)s::uuid[])",  # noqa: S608 - constants
        parameters,
    )
    yield Statement(
        f"INSERT INTO {table} ({column}, permission_id) SELECT %(id)s, unnest(%(permissions)s::uuid[])"
        " ON CONFLICT DO NOTHING",
        parameters,
    )


def _given(**values: object) -> tuple[str, ...]:
    return tuple(name for name, value in values.items() if value is not None)


def _note_api(audience: str) -> Steps[None]:
    rows = yield Statement(_BUMP_API, {"audience": audience})
    for (identifier,) in rows:
        yield from noting_change("resource_server", str(identifier))


def _record(recording: Recording, event_type: EventType, payload: Payload, subject: str) -> Steps[None]:
    yield from inserting_events([recording.event(event_type, payload, subject)], recording.outbox_shards)
