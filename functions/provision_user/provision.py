"""The story of a message: read, claim, decide, apply or set aside, commit, tell. One transaction per command.

Whatever is wrong with a message is an outcome and is acknowledged. What is raised is a fault of the infrastructure, for
which SQS brings the message back; it then finds either nothing done or all of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from events.commands import RejectionReason
from events.envelope import PLATFORM
from functions.provision_user import inbox, parked
from functions.provision_user.apply import apply_command
from functions.provision_user.contradictions import BEHIND_PARKED, ContradictionError
from functions.provision_user.control import control_parked, drain
from functions.provision_user.existing import claim_and_look
from functions.provision_user.message import Message, Outcome
from functions.provision_user.outcomes import conclude
from functions.provision_user.policy import require_policy
from functions.provision_user.races import until_decided
from functions.provision_user.reading import Reading, read_message, require_own_group, require_timely
from functions.provision_user.work import Work

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import Connection

    from functions.provision_user.existing import Existing
    from functions.provision_user.message import State
    from functions.provision_user.policy import Policy
    from functions.provision_user.services import Services


def provision(connection: Connection[Any], services: Services, message: Message) -> Outcome:
    """Apply a message, or set it aside, once.

    Returns:
        What became of it, also where that was decided when it first came.

    Raises:
        psycopg.OperationalError: Postgres is down; likewise errors of KMS and of the reply queue that may pass.
    """
    reading = read_message(message)
    outcome, changed_users, has_followers = until_decided(lambda: _decide(connection, services, message, reading))
    services.hint(changed_users)
    services.reply(outcome)
    if has_followers:
        drain(
            connection, services, message.kept_group, let_go_by=reading.control.actor if reading.control else PLATFORM
        )
    return outcome


def _decide(
    connection: Connection[Any], services: Services, message: Message, reading: Reading
) -> tuple[Outcome, list[UUID], bool]:
    with connection.transaction():
        existing = claim_and_look(connection, message, reading)
        work = Work(connection, services, now=services.now(), actor=f"sender:{message.sender}")
        if (repeat := _outcome_before(existing, message, reading)) is not None:
            return repeat, [], reading.control is not None
        outcome, has_followers = _handle(work, message, reading, existing)
        work.flush()
    return outcome, work.changed_users, has_followers


def _handle(work: Work, message: Message, reading: Reading, existing: Existing) -> tuple[Outcome, bool]:
    outcome = Outcome(
        message.sender,
        reading.command_id,
        reading.type,
        "applied",
        reply_queue_url=existing.policy.reply_queue_url if existing.policy else None,
    )
    must_wait = False
    try:
        policy = _require_admissible(work, message, reading, existing)
        if reading.control is not None:
            control_parked(work, reading.control, message.kept_group)
        elif reading.command is not None:
            user, must_wait = existing.user, existing.blocker is not None
            if not must_wait:
                outcome = replace(outcome, user_id=apply_command(work, reading.command, user, policy))
            else:
                user_id = user.id if user else None
                outcome = replace(outcome, state="waiting", reason=BEHIND_PARKED, user_id=user_id)
    except ContradictionError as problem:
        state: State = "parked" if problem.is_parked else "rejected"
        outcome = replace(outcome, state=state, reason=problem.reason, detail=problem.detail)

    kept = {}
    if outcome.state in ("parked", "waiting"):
        parked.park(work, outcome, group=message.kept_group, body=message.body)
    elif outcome.state == "rejected":
        kept = {"body": message.kept_body}
    inbox.enter(
        work, outcome, group=message.kept_group, body_hash=message.body_hash, earlier=existing.earlier, result=kept
    )
    conclude(work, outcome, reading)
    # a drain that was cut off left followers without a leader: nobody else would come for them
    is_leaderless = must_wait and existing.blocker is not None and existing.blocker.state == "waiting"
    return outcome, reading.control is not None or is_leaderless


def _require_admissible(work: Work, message: Message, reading: Reading, existing: Existing) -> Policy:
    """What can be said without looking at users, strangers first."""
    policy = require_policy(existing.policy)
    if existing.earlier:
        raise ContradictionError(RejectionReason.COMMAND_ID_REUSED, "command_id: another command had it")
    if reading.named_type is not None:
        policy.require_command(reading.named_type)
    if reading.problem is not None:
        raise reading.problem
    if reading.command is not None:
        require_own_group(reading.command, message.kept_group)
        require_timely(reading.command, now=work.now, remembers=work.services.remembers)
    return policy


def _outcome_before(existing: Existing, message: Message, reading: Reading) -> Outcome | None:
    """The same id with the same body is the same command: what became of it stands."""
    for row in existing.earlier:
        if row.body_hash == message.body_hash:
            return Outcome(
                message.sender,
                reading.command_id,
                row.type,
                row.state,
                row.reason,
                row.detail,
                row.user_id,
                is_repeat=True,
                reply_queue_url=existing.policy.reply_queue_url if existing.policy else None,
            )
    return None
