"""What a message says, before anybody looks at what exists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from events.commands import Command, CommandEnvelope, MalformedCommandError, RejectionReason, parse_command
from events.control import ControlMessage, parse_control
from functions.provision_user.contradictions import ContradictionError

if TYPE_CHECKING:
    from datetime import datetime

    from functions.provision_user.message import Message

AHEAD = timedelta(days=1)  # how far a sender's clock may be off
UNREADABLE_TYPE = "unreadable"


@dataclass(frozen=True, slots=True)
class Reading:
    """A message with its id: one of `command`, `control` and `problem` is set.

    Args:
        command_id: the sender's; where it can't be read, `message:<SQS's message id>`.
        has_own_id: whether the sender gave it.
    """

    command_id: str
    type: str
    has_own_id: bool = True
    command: Command | None = None
    control: ControlMessage | None = None
    problem: ContradictionError | None = None

    @property
    def named_type(self) -> str | None:
        return None if self.type == UNREADABLE_TYPE else self.type

    def require_command(self) -> Command:
        """The command.

        Raises:
            ContradictionError: what is wrong with the message instead.
        """
        if self.command is None:
            raise self.problem or ContradictionError(RejectionReason.UNKNOWN_TYPE, "type: not a command")
        return self.command


def read_message(message: Message) -> Reading:
    """Read it. Never raises: what is wrong is in `problem`."""
    try:
        command = parse_command(message.body)
    except MalformedCommandError as error:
        if error.reason is RejectionReason.UNKNOWN_TYPE and (control := parse_control(message.body)) is not None:
            return Reading(control.command_id, control.type.value, control=control)
        return Reading(
            command_id=error.command_id or f"message:{message.message_id}"[:64],
            type=error.command_type.value if error.command_type else UNREADABLE_TYPE,
            has_own_id=error.command_id is not None,
            problem=ContradictionError(error.reason, error.detail),
        )
    return Reading(command.command_id, command.type.value, command=command)


def require_timely(command: Command, *, now: datetime, remembers: timedelta) -> None:
    """Let only commands through that the inbox would remember if they had come before.

    Raises:
        ContradictionError: command_too_old, invalid_field.
    """
    if command.issued_at < now - remembers:
        raise ContradictionError(RejectionReason.COMMAND_TOO_OLD, f"issued_at: over {remembers.days} days ago")
    if command.issued_at > now + AHEAD:
        raise ContradictionError(RejectionReason.INVALID_FIELD, "issued_at: in the future")


def require_own_group(command: Command, group: str) -> None:
    """Let only commands through that SQS keeps in that user's order.

    Raises:
        ContradictionError: group_mismatch.
    """
    if command.group_key != group:
        named = "user" if isinstance(command, CommandEnvelope) else "type"
        raise ContradictionError(RejectionReason.GROUP_MISMATCH, f"{named}: not what the MessageGroupId says")
