"""What became of provisioning commands (P9)."""

from __future__ import annotations

from events.payloads.fields import Code, Failure, Id, Name, Names, Payload, Success


class CommandApplied(Payload):
    sender: Name
    command_id: Id
    command_type: Name
    outcome: Success = "success"


class CommandRejected(Payload):
    """`command_id` and `command_type` are None where the message had none that could be read."""

    sender: Name
    command_id: Id | None
    command_type: Name | None
    reason: Code
    outcome: Failure = "failure"


class CommandParked(Payload):
    sender: Name
    command_id: Id
    command_type: Name | None
    reason: Code
    outcome: Failure = "failure"


class CommandWaiting(Payload):
    """It waits behind a parked command of the same user."""

    sender: Name
    command_id: Id
    command_type: Name | None
    reason: Code = "behind_parked"
    outcome: Failure = "failure"


class CommandRedriven(Payload):
    sender: Name
    command_id: Id
    command_type: Name | None
    outcome: Success = "success"


class CommandDismissed(Payload):
    sender: Name
    command_id: Id
    command_type: Name | None
    reason: Code | None = None
    outcome: Success = "success"


class CommandEdited(Payload):
    """An administrator changed what a parked command asks for; `fields` names what, never its values."""

    sender: Name
    command_id: Id
    command_type: Name | None
    fields: Names
    outcome: Success = "success"
