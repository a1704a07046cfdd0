"""Creating what the platform knows: APIs, permissions, scopes, roles, clients; with events and notes to token cores.

Steps for `shared.database.steps.run`, in the caller's transaction: what the admin API and the seeds share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from events.payloads.access import PermissionCreated, ResourceServerCreated, RoleCreated, ScopeCreated
from events.payloads.client import ClientCreated, ClientRolesAssigned, ClientSecretIssued, ClientSecretRevoked
from events.types import EventType
from shared import secret_format
from shared.clock import rfc3339
from shared.database.authority import noting_change
from shared.database.outbox import inserting_events
from shared.database.steps import Statement
from shared.identity.permissions import is_permission_name, is_role_name
from shared.identity.scopes import is_scope_name
from shared.identity.subjects import client_subject, role_subject
from shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from events.payloads.fields import Payload
    from shared.database.steps import Steps
    from shared.identity.recording import Recording

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
_NEW_VERSION = "UPDATE resource_servers SET version = version + 1 WHERE id = %(id)s"
MAX_LIVE_SECRETS = 2  # so that one can be rotated while the other is in use


class RegistrationError(ValueError):
    """What was asked contradicts what there is. `field` names what; the message is fit for the caller's eyes."""

    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(message)
        self.field = field_name


class AlreadyExistsError(RegistrationError):
    """The name is taken."""


class UnknownNameError(RegistrationError):
    """There is none of that name."""


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client's registration (RFC 7591 names). `resource_server_audience` makes it that API's own client."""

    client_id: str
    name: str
    client_type: Literal["confidential", "public"] = "confidential"
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"  # noqa: S105 - a method's name
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()
    allowed_scopes: tuple[str, ...] = ()
    require_consent: bool = True
    pkce_exempt: bool = False
    id_token_signed_response_alg: Literal["ES256", "RS256"] = "ES256"  # noqa: S105 - an algorithm
    access_token_ttl_seconds: int = 300
    refresh_token_ttl_seconds: int = 14 * 24 * 3600
    refresh_family_ttl_seconds: int = 90 * 24 * 3600
    resource_server_audience: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """`secret` is shown once, to whoever asked; only its hash is kept."""

    id: UUID
    secret: str = field(repr=False)


def creating_resource_server(recording: Recording, audience: str, name: str) -> Steps[UUID]:
    """Raises AlreadyExistsError: the audience is another API's."""
    identifier = new_id()
    rows = yield Statement(
        "INSERT INTO resource_servers (id, audience, name) VALUES (%(id)s, %(audience)s, %(name)s)"
        " ON CONFLICT DO NOTHING RETURNING id",
        {"id": identifier, "audience": audience, "name": name},
    )
    if not rows:
        raise AlreadyExistsError("audience", "another resource server has this audience")
    payload = ResourceServerCreated(resource_server_id=str(identifier), audience=audience)
    yield from _record(recording, EventType.RESOURCE_SERVER_CREATED, payload, audience)
    yield from noting_change("resource_server", str(identifier))
    return identifier


def creating_permission(recording: Recording, audience: str, name: str, description: str = "") -> Steps[UUID]:
    """Raises RegistrationError: no `resource:action`; taken at this API; or no such API."""
    if not is_permission_name(name):
        raise RegistrationError("name", "a permission is named resource:action, in lower case")
    resource_server_id = yield from _resource_server(audience)
    identifier = new_id()
    rows = yield Statement(
        "INSERT INTO permissions (id, resource_server_id, name, description)"
        " VALUES (%(id)s, %(resource_server_id)s, %(name)s, %(description)s) ON CONFLICT DO NOTHING RETURNING id",
        {"id": identifier, "resource_server_id": resource_server_id, "name": name, "description": description},
    )
    if not rows:
        raise AlreadyExistsError("name", "this resource server has a permission of this name")
    payload = PermissionCreated(permission=name, audience=audience)
    yield from _record(recording, EventType.PERMISSION_CREATED, payload, audience)
    yield Statement(_NEW_VERSION, {"id": resource_server_id})
    yield from noting_change("resource_server", str(resource_server_id))
    return identifier


def creating_scope(
    recording: Recording, audience: str, name: str, permissions: Collection[str], description: str = ""
) -> Steps[UUID]:
    """`permissions`: names at the same API. Raises RegistrationError: a name is malformed, taken or unknown."""
    if not is_scope_name(name):
        raise RegistrationError("name", "a scope is named by printable ASCII without spaces, and by no standard scope")
    resource_server_id = yield from _resource_server(audience)
    wanted = yield from permission_ids({(audience, permission) for permission in permissions})
    identifier = new_id()
    rows = yield Statement(
        "INSERT INTO scopes (id, resource_server_id, name, description)"
        " VALUES (%(id)s, %(resource_server_id)s, %(name)s, %(description)s) ON CONFLICT DO NOTHING RETURNING id",
        {"id": identifier, "resource_server_id": resource_server_id, "name": name, "description": description},
    )
    if not rows:
        raise AlreadyExistsError("name", "there is a scope of this name")
    yield Statement(
        "INSERT INTO scope_permissions (scope_id, permission_id) SELECT %(id)s, unnest(%(permissions)s::uuid[])",
        {"id": identifier, "permissions": wanted},
    )
    payload = ScopeCreated(scope=name, audience=audience, permissions=tuple(sorted(permissions)))
    yield from _record(recording, EventType.SCOPE_CREATED, payload, audience)
    yield Statement(_NEW_VERSION, {"id": resource_server_id})
    yield from noting_change("resource_server", str(resource_server_id))
    return identifier


def creating_role(
    recording: Recording, name: str, permissions: Collection[tuple[str, str]], description: str = ""
) -> Steps[UUID]:
    """`permissions`: pairs of audience and name. Raises RegistrationError: a name is malformed, taken or unknown."""
    if not is_role_name(name):
        raise RegistrationError("name", "a role is named by a lower-case letter and then a-z, 0-9, '.', '_', ':', '-'")
    wanted = yield from permission_ids(permissions)
    identifier = new_id()
    rows = yield Statement(
        "INSERT INTO roles (id, name, description) VALUES (%(id)s, %(name)s, %(description)s)"
        " ON CONFLICT DO NOTHING RETURNING id",
        {"id": identifier, "name": name, "description": description},
    )
    if not rows:
        raise AlreadyExistsError("name", "there is a role of this name")
    yield Statement(
        "INSERT INTO role_permissions (role_id, permission_id) SELECT %(id)s, unnest(%(permissions)s::uuid[])",
        {"id": identifier, "permissions": wanted},
    )
    carried = tuple(sorted(f"{audience} {permission}" for audience, permission in permissions))
    yield from _record(
        recording, EventType.ROLE_CREATED, RoleCreated(role=name, permissions=carried), role_subject(name)
    )
    yield from noting_change("role", name)
    return identifier


def creating_client(recording: Recording, client: NewClient, roles: Collection[str] = ()) -> Steps[UUID]:
    """Register a client, without a secret (`issuing_client_secret`). Returns the row's id.

    Raises:
        RegistrationError: the client_id is taken, or a role or the API is unknown.
    """
    identifier = new_id()
    resource_server_id = None
    if client.resource_server_audience is not None:
        resource_server_id = yield from _resource_server(client.resource_server_audience)
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name in NewClient.__dataclass_fields__
        if name != "resource_server_audience"
        for value in (getattr(client, name),)
    }
    values.update(id=identifier, resource_server_id=resource_server_id)
    columns = ", ".join(values)
    rows = yield Statement(
        f"INSERT INTO clients ({columns}) VALUES ({', '.join(f'%({name})s' for name in values)})"  # noqa: S608 - field names
        " ON CONFLICT DO NOTHING RETURNING id",
        values,
    )
    if not rows:
        raise AlreadyExistsError("client_id", "there is a client of this client_id")
    payload = ClientCreated(
        client_type=client.client_type, grant_types=client.grant_types, allowed_scopes=client.allowed_scopes
    )
    yield from _record_client(recording, EventType.CLIENT_CREATED, payload, client.client_id)
    if roles:
        yield from assigning_client_roles(recording, client.client_id, roles)
    yield from noting_change("client", client.client_id)
    return identifier


def assigning_client_roles(recording: Recording, client_id: str, roles: Collection[str]) -> Steps[None]:
    """Those held already stay. Raises UnknownNameError: a role or the client."""
    row_id = yield from _client(client_id)
    role_ids = yield from _roles(roles)
    yield Statement(
        "INSERT INTO role_bindings (id, role_id, client_id, granted_by)"
        " SELECT * FROM unnest(%(ids)s::uuid[], %(roles)s::uuid[], %(clients)s::uuid[], %(actors)s::text[])"
        " ON CONFLICT DO NOTHING",
        {
            "ids": [new_id() for _ in role_ids],
            "roles": role_ids,
            "clients": [row_id] * len(role_ids),
            "actors": [recording.actor] * len(role_ids),
        },
    )
    payload = ClientRolesAssigned(roles=tuple(sorted(roles)))
    yield from _record_client(recording, EventType.CLIENT_ROLES_ASSIGNED, payload, client_id)
    yield from noting_change("client", client_id)


def issuing_client_secret(
    recording: Recording, client_id: str, expires_at: datetime | None = None
) -> Steps[IssuedSecret]:
    """A new secret beside the one in use. Raises RegistrationError: no such client, a public one, two live secrets."""
    row_id = yield from _client(client_id)
    locked = yield Statement(  # so that secrets are counted and added by one at a time
        "SELECT client_type FROM clients WHERE id = %(id)s FOR UPDATE", {"id": row_id}
    )
    if locked[0][0] == "public":
        raise RegistrationError("client_id", "a public client has no secret")
    live = yield Statement(
        "SELECT count(*) FROM client_secrets WHERE client_id = %(id)s AND revoked_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > %(now)s)",
        {"id": row_id, "now": recording.now},
    )
    if live[0][0] >= MAX_LIVE_SECRETS:
        raise RegistrationError("client_id", "this client has two live secrets: revoke one first")
    issued = IssuedSecret(new_id(), secret_format.make_secret(secret_format.CLIENT_SECRET))
    yield Statement(
        "INSERT INTO client_secrets (id, client_id, hash, expires_at)"
        " VALUES (%(id)s, %(client_id)s, %(hash)s, %(expires_at)s)",
        {
            "id": issued.id,
            "client_id": row_id,
            "hash": secret_format.sha256(issued.secret),
            "expires_at": expires_at,
        },
    )
    payload = ClientSecretIssued(
        client_secret_id=str(issued.id), expires_at=None if expires_at is None else rfc3339(expires_at)
    )
    yield from _record_client(recording, EventType.CLIENT_SECRET_ISSUED, payload, client_id)
    yield from noting_change("client", client_id)
    return issued


def revoking_client_secret(recording: Recording, client_id: str, client_secret_id: UUID) -> Steps[None]:
    """At once. Raises UnknownNameError: this client has no such live secret."""
    row_id = yield from _client(client_id)
    rows = yield Statement(
        "UPDATE client_secrets SET revoked_at = %(now)s"
        " WHERE id = %(id)s AND client_id = %(client_id)s AND revoked_at IS NULL RETURNING id",
        {"id": client_secret_id, "client_id": row_id, "now": recording.now},
    )
    if not rows:
        raise UnknownNameError("client_secret_id", "this client has no such live secret")
    payload = ClientSecretRevoked(client_secret_id=str(client_secret_id))
    yield from _record_client(recording, EventType.CLIENT_SECRET_REVOKED, payload, client_id)
    yield from noting_change("client", client_id)


def _resource_server(audience: str) -> Steps[UUID]:
    rows = yield Statement("SELECT id FROM resource_servers WHERE audience = %(audience)s", {"audience": audience})
    if not rows:
        raise UnknownNameError("audience", "there is no resource server of this audience")
    identifier: UUID = rows[0][0]
    return identifier


def _client(client_id: str) -> Steps[UUID]:
    rows = yield Statement("SELECT id FROM clients WHERE client_id = %(client_id)s", {"client_id": client_id})
    if not rows:
        raise UnknownNameError("client_id", "there is no client of this client_id")
    identifier: UUID = rows[0][0]
    return identifier


def _roles(names: Collection[str]) -> Steps[list[UUID]]:
    rows = yield Statement("SELECT name, id FROM roles WHERE name = ANY(%(names)s)", {"names": sorted(names)})
    found = dict(rows)
    if missing := sorted(set(names) - found.keys()):
        raise UnknownNameError("roles", f"there is no role {missing[0]}")
    return list(found.values())


def permission_ids(wanted: Collection[tuple[str, str]]) -> Steps[list[UUID]]:
    """Of pairs of audience and name. Raises UnknownNameError."""
    rows = yield Statement(
        "SELECT s.audience, p.name, p.id FROM permissions p JOIN resource_servers s ON s.id = p.resource_server_id"
        " JOIN unnest(%(audiences)s::text[], %(names)s::text[]) AS wanted (audience, name)"
        " ON wanted.audience = s.audience AND wanted.name = p.name",
        {"audiences": [audience for audience, _ in wanted], "names": [name for _, name in wanted]},
    )
    found = {(audience, name): identifier for audience, name, identifier in rows}
    if missing := sorted(set(wanted) - found.keys()):
        raise UnknownNameError("permissions", f"there is no permission {missing[0][1]} at {missing[0][0]}")
    return list(found.values())


def _record(recording: Recording, event_type: EventType, payload: Payload, subject: str) -> Steps[None]:
    yield from inserting_events([recording.event(event_type, payload, subject)], recording.outbox_shards)


def _record_client(recording: Recording, event_type: EventType, payload: Payload, client_id: str) -> Steps[None]:
    event = recording.event(event_type, payload, client_subject(client_id), client_id=client_id)
    yield from inserting_events([event], recording.outbox_shards)
