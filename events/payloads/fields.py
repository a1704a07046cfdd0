"""The two bases of all payloads, and the field types that they share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Success = Literal["success"]
Failure = Literal["failure"]
Outcome = Literal["success", "failure"]

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)?$", max_length=128)]
"""A machine-readable code, or an RFC's error code and our detail: `invalid_grant:code_expired`."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
ScopeText = Annotated[str, StringConstraints(max_length=2048)]
KeyedHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""HMAC-SHA-256 under the pseudonym key, first 16 bytes, hex (shared.pseudonyms)."""
Names = tuple[Name, ...]


class Payload(BaseModel):
    """What an event says in the clear: no personal data, no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Personal(BaseModel):
    """What an event says of a person: encrypted under that person's key as soon as it is recorded."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Origin(Personal):
    """Where a person's request came from."""

    address: Annotated[str, StringConstraints(max_length=64)] | None = None
    user_agent: Annotated[str, StringConstraints(max_length=512)] | None = None
