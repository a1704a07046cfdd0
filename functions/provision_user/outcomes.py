"""The event that tells what became of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.payloads.command import (
    CommandApplied,
    CommandDismissed,
    CommandParked,
    CommandRejected,
    CommandWaiting,
)
from events.types import EventType

if TYPE_CHECKING:
    from functions.provision_user.message import Outcome
    from functions.provision_user.reading import Reading
    from functions.provision_user.work import Work


def conclude(work: Work, outcome: Outcome, reading: Reading) -> None:
    """Have the event written that belongs to the outcome's state."""
    sender, command_id, command_type = outcome.sender, outcome.command_id, reading.named_type
    subject = str(outcome.user_id) if outcome.user_id else f"sender:{sender}"
    reason = str(outcome.reason)
    match outcome.state:
        case "applied":
            payload: CommandApplied | CommandParked | CommandWaiting | CommandDismissed | CommandRejected = (
                CommandApplied(sender=sender, command_id=command_id, command_type=outcome.type)
            )
            event_type = EventType.COMMAND_APPLIED
        case "parked":
            event_type = EventType.COMMAND_PARKED
            payload = CommandParked(sender=sender, command_id=command_id, command_type=command_type, reason=reason)
        case "waiting":
            event_type = EventType.COMMAND_WAITING
            payload = CommandWaiting(sender=sender, command_id=command_id, command_type=command_type)
        case "dismissed":
            event_type = EventType.COMMAND_DISMISSED
            payload = CommandDismissed(sender=sender, command_id=command_id, command_type=command_type)
        case "rejected":
            event_type = EventType.COMMAND_REJECTED
            payload = CommandRejected(
                sender=sender,
                command_id=command_id if reading.has_own_id else None,
                command_type=command_type,
                reason=reason,
            )
    work.record(event_type, payload, subject=subject)
