"""What administrators tell the provisioning queue about parked commands. No backend's policy lists these."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from events.commands import MAX_COMMAND_BYTES, CommandId


class ControlType(StrEnum):
    """Listed in the `commands` of the admin API's own sender policy."""

    REDRIVE = "command.redrive"
    DISMISS = "command.dismiss"


class ControlMessage(BaseModel):
    """Sent in the parked command's group, so that it is taken in turn with that user's commands.

    Args:
        actor: the administrator, in an event's words.
        request_id: of the administrator's request.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    command_id: CommandId
    type: ControlType
    version: Literal[1] = 1
    issued_at: AwareDatetime
    parked_id: UUID
    actor: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    request_id: Annotated[str, StringConstraints(max_length=64)] | None = None


def parse_control(body: str) -> ControlMessage | None:
    """The message, or None when the text is none."""
    if len(body) > MAX_COMMAND_BYTES or '"command.' not in body:
        return None
    try:
        values = json.loads(body)
        if not isinstance(values, dict) or type(values.get("version", 1)) is not int:  # True and 1.0 equal 1
            return None
        return ControlMessage.model_validate(values)
    except (ValidationError, ValueError, RecursionError):
        return None
