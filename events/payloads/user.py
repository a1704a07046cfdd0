"""Users, as provisioning and administration change them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from events.payloads.fields import Code, Id, KeyedHash, Names, Payload, Personal, Success
from events.profile import Profile


class UserCreated(Payload):
    status: Literal["active", "disabled"]
    external_id_hash: KeyedHash | None = None
    email_verified: bool = False
    outcome: Success = "success"


class UserUpdated(Payload):
    fields: Names
    outcome: Success = "success"


class UserDisabled(Payload):
    reason: Code | None = None
    outcome: Success = "success"


class UserEnabled(Payload):
    outcome: Success = "success"


class UserErased(Payload):
    subject_key_id: Id | None = None  # the key that was destroyed
    outcome: Success = "success"


class UserRolesAssigned(Payload):
    roles: Names
    outcome: Success = "success"


class UserRolesRevoked(Payload):
    roles: Names
    outcome: Success = "success"


class UserDetails(Personal):
    """Who the person is; None where the event doesn't change it."""

    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    profile: Profile | None = None
    external_id: Annotated[str, StringConstraints(max_length=128)] | None = None
