"""Resource servers, permissions, scopes, roles: what there is to be allowed."""

from __future__ import annotations

from events.payloads.fields import Id, Name, Names, Payload, Success


class ResourceServerCreated(Payload):
    resource_server_id: Id
    audience: Name
    outcome: Success = "success"


class PermissionCreated(Payload):
    permission: Name
    audience: Name
    outcome: Success = "success"


class ScopeCreated(Payload):
    scope: Name
    audience: Name
    permissions: Names
    outcome: Success = "success"


class RoleCreated(Payload):
    role: Name
    permissions: Names  # `<audience> <resource:action>`
    outcome: Success = "success"


class RoleUpdated(Payload):
    role: Name
    fields: Names
    permissions: Names | None = None  # all of them, where they changed
    outcome: Success = "success"


class ResourceServerUpdated(Payload):
    audience: Name
    fields: Names
    outcome: Success = "success"


class PermissionDeleted(Payload):
    permission: Name
    audience: Name
    outcome: Success = "success"


class ScopeUpdated(Payload):
    scope: Name
    audience: Name
    fields: Names
    permissions: Names | None = None  # all of them, where they changed
    outcome: Success = "success"


class ScopeDeleted(Payload):
    scope: Name
    audience: Name
    outcome: Success = "success"


class RoleDeleted(Payload):
    role: Name
    outcome: Success = "success"
