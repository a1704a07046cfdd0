"""What a sender may command and grant. Who sent a message is what SQS says, never what the message says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from events.commands import RejectionReason
from functions.provision_user.contradictions import ContradictionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection, Cursor

_FIND = (
    "SELECT sender_id, commands, roles, reply_queue_url, scopes, audiences, secret_prefix"
    " FROM sender_policies WHERE sender_id = %s"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """One sender's rights.

    Args:
        roles: what it may assign, and revoke, and define.
        scopes: what clients of its registering may ask for.
        audiences: APIs that it may register, with their permissions, and put into its roles.
        secret_prefix: where the secrets of its clients go in Secrets Manager: this and the client_id.
    """

    sender_id: str
    commands: list[str]
    roles: list[str]
    reply_queue_url: str | None
    scopes: list[str] = field(default_factory=list)
    audiences: list[str] = field(default_factory=list)
    secret_prefix: str | None = None

    def require_command(self, command_type: str) -> None:
        """Let only listed commands through.

        Raises:
            ContradictionError: not_allowed.
        """
        if command_type not in self.commands:
            raise ContradictionError(RejectionReason.NOT_ALLOWED, "type: the sender's policy does not list it")

    def require_roles(self, roles: Iterable[str]) -> None:
        """Let only roles through that the policy holds.

        Raises:
            ContradictionError: role_not_grantable.
        """
        if not set(roles) <= set(self.roles):
            raise ContradictionError(
                RejectionReason.ROLE_NOT_GRANTABLE, "payload.roles: the sender's policy does not hold all of them"
            )


def require_subset(asked: Iterable[str], held: Iterable[str], where: str) -> None:
    """Let only names through that the policy holds.

    Raises:
        ContradictionError: not_grantable.
    """
    if not set(asked) <= set(held):
        raise ContradictionError(
            RejectionReason.NOT_GRANTABLE, f"{where}: the sender's policy does not hold all of them"
        )


def ask_policy(connection: Connection[Any], sender: str) -> Cursor[Policy]:
    """The policy of a principal; none for a stranger."""
    return connection.cursor(row_factory=class_row(Policy)).execute(_FIND, (sender,))


def require_policy(policy: Policy | None) -> Policy:
    """Let no stranger through.

    Raises:
        ContradictionError: unknown_sender.
    """
    if policy is None:
        raise ContradictionError(RejectionReason.UNKNOWN_SENDER, "no policy covers the sender")
    return policy
