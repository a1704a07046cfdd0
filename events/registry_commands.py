"""Commands about what is registered: clients, roles, permissions, APIs. No secret is in any of them, nor in a reply.

They refer to one another (a client to roles, a role to permissions, a permission to its API), so that all of them keep
one order: their MessageGroupId is `registry`. None is parked, so that none holds the others up.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from events.types import CommandType

REGISTRY_GROUP = "registry"

_CommandId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
ClientIdText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
AudienceText = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]
PermissionText = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,62}:[a-z][a-z0-9_.-]{0,62}$")]
Title = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=200)]
Description = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=500)]
_Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._:-]{0,63}$")]
_Uri = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,2000}$")]
_Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,128}$")]
_Uris = Annotated[tuple[_Uri, ...], Field(max_length=50)]
_Scopes = Annotated[tuple[_Scope, ...], Field(max_length=200)]
_Roles = Annotated[tuple[_Role, ...], Field(max_length=100)]
_Grants = Annotated[
    tuple[Literal["authorization_code", "refresh_token", "client_credentials"], ...], Field(max_length=3)
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class PermissionReference(_Message):
    audience: AudienceText
    name: PermissionText


_Permissions = Annotated[tuple[PermissionReference, ...], Field(max_length=500)]


class ClientRegister(_Message):
    """A confidential client's secret goes to the Secrets Manager secret that the sender's policy names."""

    client_id: ClientIdText
    name: Title
    client_type: Literal["confidential", "public"] = "confidential"
    redirect_uris: _Uris = ()
    post_logout_redirect_uris: _Uris = ()
    allowed_origins: _Uris = ()
    grant_types: _Grants = ()
    allowed_scopes: _Scopes = ()
    roles: _Roles = ()
    require_consent: bool = True


class ClientUpdate(_Message):
    """What is absent stays."""

    client_id: ClientIdText
    name: Title | None = None
    redirect_uris: _Uris | None = None
    post_logout_redirect_uris: _Uris | None = None
    allowed_origins: _Uris | None = None
    grant_types: _Grants | None = None
    allowed_scopes: _Scopes | None = None
    status: Literal["active", "disabled"] | None = None


class RoleCreate(_Message):
    name: _Role
    description: Description = ""
    permissions: _Permissions = ()


class RoleUpdate(_Message):
    """What is absent stays. `permissions`: all that it carries from now on."""

    name: _Role
    description: Description | None = None
    permissions: _Permissions | None = None


class PermissionCreate(_Message):
    audience: AudienceText
    name: PermissionText
    description: Description = ""


class ResourceServerCreate(_Message):
    audience: AudienceText
    name: Title


class ResourceServerUpdate(_Message):
    audience: AudienceText
    name: Title


class RegistryEnvelope(_Message):
    """What every such command has."""

    command_id: _CommandId
    version: Literal[1]
    issued_at: AwareDatetime

    @property
    def group_key(self) -> str:
        return REGISTRY_GROUP


class ClientRegisterCommand(RegistryEnvelope):
    type: Literal[CommandType.CLIENT_REGISTER]
    payload: ClientRegister


class ClientUpdateCommand(RegistryEnvelope):
    type: Literal[CommandType.CLIENT_UPDATE]
    payload: ClientUpdate


class RoleCreateCommand(RegistryEnvelope):
    type: Literal[CommandType.ROLE_CREATE]
    payload: RoleCreate


class RoleUpdateCommand(RegistryEnvelope):
    type: Literal[CommandType.ROLE_UPDATE]
    payload: RoleUpdate


class PermissionCreateCommand(RegistryEnvelope):
    type: Literal[CommandType.PERMISSION_CREATE]
    payload: PermissionCreate


class ResourceServerCreateCommand(RegistryEnvelope):
    type: Literal[CommandType.RESOURCE_SERVER_CREATE]
    payload: ResourceServerCreate


class ResourceServerUpdateCommand(RegistryEnvelope):
    type: Literal[CommandType.RESOURCE_SERVER_UPDATE]
    payload: ResourceServerUpdate


RegistryCommand = (
    ClientRegisterCommand
    | ClientUpdateCommand
    | RoleCreateCommand
    | RoleUpdateCommand
    | PermissionCreateCommand
    | ResourceServerCreateCommand
    | ResourceServerUpdateCommand
)
