"""What exists when a message is looked at: read in one round trip, after everybody else was locked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from events.commands import CommandEnvelope
from functions.provision_user import inbox
from functions.provision_user.parked import ask_head
from functions.provision_user.policy import ask_policy
from functions.provision_user.users import ask_user

if TYPE_CHECKING:
    from psycopg import Connection

    from functions.provision_user.inbox import Received
    from functions.provision_user.message import Message
    from functions.provision_user.parked import Parked
    from functions.provision_user.policy import Policy
    from functions.provision_user.reading import Reading
    from functions.provision_user.users import User


@dataclass(frozen=True, slots=True)
class Existing:
    """What a message meets.

    Args:
        earlier: messages with the same id, the first one first.
        policy: the sender's.
        user: whom the command means, locked.
        blocker: the first open command of that user: later ones wait behind it.
    """

    earlier: list[Received]
    policy: Policy | None
    user: User | None
    blocker: Parked | None


def claim_and_look(connection: Connection[Any], message: Message, reading: Reading) -> Existing:
    """Lock the command and its group until the transaction ends, then read."""
    with connection.pipeline():
        # each statement has its own snapshot: what follows the lock sees what the holder before it committed
        inbox.claim(connection, message.sender, reading.command_id, message.kept_group)
        earlier = inbox.ask(connection, message.sender, reading.command_id)
        policy = ask_policy(connection, message.sender)
        user = ask_user(connection, reading.command.user) if isinstance(reading.command, CommandEnvelope) else None
        blocker = ask_head(connection, message.kept_group)
    return Existing(
        earlier.fetchall(), policy.fetchone(), user.fetchone() if user is not None else None, blocker.fetchone()
    )
