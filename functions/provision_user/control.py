"""Redriving and dismissing parked commands, as an administrator asks, and letting go who waited behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from events.commands import CommandEnvelope, RejectionReason
from events.control import ControlType
from events.payloads.command import CommandRedriven
from events.types import EventType
from functions.provision_user import inbox, parked
from functions.provision_user.apply import apply_command
from functions.provision_user.contradictions import ContradictionError
from functions.provision_user.message import Message, Outcome
from functions.provision_user.outcomes import conclude
from functions.provision_user.policy import ask_policy, require_policy
from functions.provision_user.races import until_decided
from functions.provision_user.reading import read_message
from functions.provision_user.users import ask_user
from functions.provision_user.work import Work

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import Connection

    from events.control import ControlMessage
    from functions.provision_user.message import State
    from functions.provision_user.parked import Parked
    from functions.provision_user.reading import Reading
    from functions.provision_user.services import Services


def control_parked(work: Work, control: ControlMessage, group: str) -> None:
    """Redrive or dismiss one parked command. One that is resolved already stays as it is.

    Raises:
        ContradictionError: invalid_field, group_mismatch.
    """
    row = parked.find_parked(work.connection, control.parked_id)
    if row is None:
        raise ContradictionError(RejectionReason.INVALID_FIELD, "parked_id: no such parked command")
    if not row.is_open:
        return
    if row.group_key != group:
        raise ContradictionError(RejectionReason.GROUP_MISMATCH, "parked_id: not of this MessageGroupId")
    if control.type is ControlType.REDRIVE and row.state == "waiting":
        raise ContradictionError(RejectionReason.INVALID_FIELD, "parked_id: it waits behind a parked one")

    theirs = replace(
        work, actor=control.actor, request_id=control.request_id
    )  # the same lists: written by work.flush()
    reading = read_message(_as_message(row))
    if control.type is ControlType.DISMISS:
        _settle(theirs, row, reading, Outcome(row.sender, row.command_id, reading.type, "dismissed"), control.actor)
        return
    theirs.record(
        EventType.COMMAND_REDRIVEN,
        CommandRedriven(sender=row.sender, command_id=row.command_id, command_type=reading.named_type),
        subject=f"sender:{row.sender}",
    )
    _reapply(theirs, row, control.actor)


def drain(connection: Connection[Any], services: Services, group: str, *, let_go_by: str) -> None:
    """Apply who waits, in order, until none is left or one has to be parked. Each in a transaction of its own."""
    while (done := until_decided(lambda: _apply_first(connection, services, group, let_go_by))) is not None:
        outcome, changed_users = done
        services.hint(changed_users)
        services.reply(outcome)


def _apply_first(
    connection: Connection[Any], services: Services, group: str, let_go_by: str
) -> tuple[Outcome, list[UUID]] | None:
    with connection.transaction():
        inbox.claim(connection, "", group, group)  # the group alone: nobody else drains or enters it meanwhile
        first = parked.ask_head(connection, group).fetchone()
        if first is None or first.state == "parked":
            return None
        work = Work(connection, services, now=services.now(), actor=let_go_by)
        outcome = _reapply(work, first, let_go_by)
        work.flush()
    return outcome, work.changed_users


def _reapply(work: Work, row: Parked, let_go_by: str) -> Outcome:
    """Once more, as its sender's doing, under the policy that the sender has now."""
    work = replace(work, actor=f"sender:{row.sender}")
    reading = read_message(_as_message(row))
    outcome = Outcome(row.sender, row.command_id, reading.type, "applied")
    try:
        policy = require_policy(ask_policy(work.connection, row.sender).fetchone())
        outcome = replace(outcome, reply_queue_url=policy.reply_queue_url)
        policy.require_command(reading.type)
        command = reading.require_command()
        user = ask_user(work.connection, command.user).fetchone() if isinstance(command, CommandEnvelope) else None
        outcome = replace(outcome, user_id=apply_command(work, command, user, policy))
    except ContradictionError as problem:
        state: State = "parked" if problem.is_parked else "rejected"
        outcome = replace(outcome, state=state, reason=problem.reason, detail=problem.detail)
    _settle(work, row, reading, outcome, let_go_by)
    return outcome


def _settle(work: Work, row: Parked, reading: Reading, outcome: Outcome, resolved_by: str) -> None:
    parked.resolve(work, row, outcome, resolved_by)
    inbox.settle(work, outcome)
    conclude(work, outcome, reading)


def _as_message(row: Parked) -> Message:
    return Message(row.sender, row.group_key, str(row.id), row.body)
