"""What backends may ask for through the provisioning queue, and how a message is read."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from events.profile import Profile
from events.registry_commands import (
    ClientRegisterCommand,
    ClientUpdateCommand,
    PermissionCreateCommand,
    RegistryCommand,
    ResourceServerCreateCommand,
    ResourceServerUpdateCommand,
    RoleCreateCommand,
    RoleUpdateCommand,
)
from events.types import CommandType

MAX_COMMAND_BYTES = 64 * 1024
COMMAND_VERSION = 1

CommandId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
ExternalId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
"""Printable ASCII without spaces: it is the MessageGroupId (SQS takes at most 128 such characters)."""
EmailText = Annotated[str, StringConstraints(min_length=3, max_length=254)]
RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._:-]{0,63}$")]
RoleNames = Annotated[tuple[RoleName, ...], Field(max_length=100)]
ReasonText = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class RejectionReason(StrEnum):
    """Why a command was refused or parked: what senders can act on."""

    MALFORMED_JSON = "malformed_json"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_SENDER = "unknown_sender"
    NOT_ALLOWED = "not_allowed"
    GROUP_MISMATCH = "group_mismatch"
    COMMAND_ID_REUSED = "command_id_reused"
    USER_EXISTS = "user_exists"
    USER_NOT_FOUND = "user_not_found"
    EMAIL_TAKEN = "email_taken"
    EXTERNAL_ID_TAKEN = "external_id_taken"
    ROLE_UNKNOWN = "role_unknown"
    ROLE_NOT_GRANTABLE = "role_not_grantable"
    USER_ERASED = "user_erased"
    COMMAND_TOO_OLD = "command_too_old"
    ALREADY_EXISTS = "already_exists"
    UNKNOWN_NAME = "unknown_name"
    NOT_GRANTABLE = "not_grantable"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class ByExternalId(_Message):
    """The user as the sender's company calls them."""

    external_id: ExternalId

    @property
    def group_key(self) -> str:
        return self.external_id


class ById(_Message):
    """The user as this platform calls them: the `sub` of their tokens."""

    id: UUID

    @property
    def group_key(self) -> str:
        return str(self.id)


class UserCreate(_Message):
    email: EmailText
    profile: Profile = Profile()
    roles: RoleNames = ()
    send_welcome: bool = True
    email_verified: bool = False


class UserUpdate(_Message):
    """What is absent stays. A profile claim that is null is forgotten."""

    email: EmailText | None = None
    profile: Profile | None = None


class UserDisable(_Message):
    reason: ReasonText | None = None


class UserEnable(_Message):
    pass


class UserErase(_Message):
    pass


class UserAssignRoles(_Message):
    roles: Annotated[RoleNames, Field(min_length=1)]


class UserRevokeRoles(_Message):
    roles: Annotated[RoleNames, Field(min_length=1)]


class CommandEnvelope(_Message):
    """What every command has. The MessageGroupId must be `user.group_key`: a user's commands keep their order."""

    command_id: CommandId
    version: Literal[1]
    issued_at: AwareDatetime
    user: ByExternalId | ById

    @property
    def group_key(self) -> str:
        return self.user.group_key


class UserCreateCommand(CommandEnvelope):
    type: Literal[CommandType.USER_CREATE]
    user: ByExternalId  # the platform chooses ids
    payload: UserCreate


class UserUpdateCommand(CommandEnvelope):
    type: Literal[CommandType.USER_UPDATE]
    payload: UserUpdate


class UserDisableCommand(CommandEnvelope):
    type: Literal[CommandType.USER_DISABLE]
    payload: UserDisable = UserDisable()


class UserEnableCommand(CommandEnvelope):
    type: Literal[CommandType.USER_ENABLE]
    payload: UserEnable = UserEnable()


class UserEraseCommand(CommandEnvelope):
    type: Literal[CommandType.USER_ERASE]
    payload: UserErase = UserErase()


class UserAssignRolesCommand(CommandEnvelope):
    type: Literal[CommandType.USER_ASSIGN_ROLES]
    payload: UserAssignRoles


class UserRevokeRolesCommand(CommandEnvelope):
    type: Literal[CommandType.USER_REVOKE_ROLES]
    payload: UserRevokeRoles


UserCommand = (
    UserCreateCommand
    | UserUpdateCommand
    | UserDisableCommand
    | UserEnableCommand
    | UserEraseCommand
    | UserAssignRolesCommand
    | UserRevokeRolesCommand
)
Command = UserCommand | RegistryCommand

COMMANDS: dict[tuple[CommandType, int], type[Command]] = {
    (CommandType.USER_CREATE, 1): UserCreateCommand,
    (CommandType.USER_UPDATE, 1): UserUpdateCommand,
    (CommandType.USER_DISABLE, 1): UserDisableCommand,
    (CommandType.USER_ENABLE, 1): UserEnableCommand,
    (CommandType.USER_ERASE, 1): UserEraseCommand,
    (CommandType.USER_ASSIGN_ROLES, 1): UserAssignRolesCommand,
    (CommandType.USER_REVOKE_ROLES, 1): UserRevokeRolesCommand,
    (CommandType.CLIENT_REGISTER, 1): ClientRegisterCommand,
    (CommandType.CLIENT_UPDATE, 1): ClientUpdateCommand,
    (CommandType.ROLE_CREATE, 1): RoleCreateCommand,
    (CommandType.ROLE_UPDATE, 1): RoleUpdateCommand,
    (CommandType.PERMISSION_CREATE, 1): PermissionCreateCommand,
    (CommandType.RESOURCE_SERVER_CREATE, 1): ResourceServerCreateCommand,
    (CommandType.RESOURCE_SERVER_UPDATE, 1): ResourceServerUpdateCommand,
}

_COMMAND_ID: TypeAdapter[str] = TypeAdapter(CommandId)


class MalformedCommandError(Exception):
    """A message that is no command of this contract.

    Args:
        detail: for people; names fields, never their values.
        command_id: None where the message has none that could be read.
        command_type: None where the message's is none of ours.
    """

    def __init__(
        self,
        reason: RejectionReason,
        detail: str,
        command_id: str | None = None,
        command_type: CommandType | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.command_id = command_id
        self.command_type = command_type


def parse_command(body: str) -> Command:
    """Read a message.

    Raises:
        MalformedCommandError: with one of malformed_json, too_large, unknown_type, unknown_version, invalid_field.
    """
    if len(body.encode(errors="surrogatepass")) > MAX_COMMAND_BYTES:
        raise MalformedCommandError(RejectionReason.TOO_LARGE, f"over {MAX_COMMAND_BYTES} bytes")
    values = _read_object(body)
    command_id = _readable_command_id(values.get("command_id"))
    try:
        command_type = CommandType(values.get("type", ""))
    except ValueError:
        raise MalformedCommandError(RejectionReason.UNKNOWN_TYPE, "type: not a command", command_id) from None
    version = values.get("version")
    model = COMMANDS.get((command_type, version)) if type(version) is int else None
    if model is None:
        raise MalformedCommandError(
            RejectionReason.UNKNOWN_VERSION, "version: not one of this command", command_id, command_type
        )
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise MalformedCommandError(
            RejectionReason.INVALID_FIELD, _name_fields(error), command_id, command_type
        ) from None


def _read_object(body: str) -> dict[str, Any]:
    try:
        values = json.loads(body, object_pairs_hook=_unambiguous, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedCommandError(RejectionReason.MALFORMED_JSON, "not JSON, or a key stands twice") from None
    if not isinstance(values, dict):
        raise MalformedCommandError(RejectionReason.MALFORMED_JSON, "not a JSON object")
    return values


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):  # readers differ in which one they take (RFC 8259 section 4)
        raise ValueError("a key stands twice")
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _readable_command_id(value: Any) -> str | None:
    try:
        return _COMMAND_ID.validate_python(value, strict=True)
    except ValidationError:
        return None


def _name_fields(error: ValidationError) -> str:
    """`payload.email: too short; user: missing`. A key that isn't ours is the sender's text: cut short, escaped."""
    parts = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False)[:10]:
        path = ".".join(ascii(str(step)[:40])[1:-1] for step in problem["loc"]) or "message"
        parts.append(f"{path}: {problem['type'].replace('_', ' ')}")
    return "; ".join(parts)
