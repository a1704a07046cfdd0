"""The inbox: which commands came, and what became of each (exactly once in effect)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection, Cursor

    from functions.provision_user.message import Outcome, State
    from functions.provision_user.work import Work

# Taken in a statement of its own: the next statement's snapshot then sees what the holder before it committed.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1)), pg_advisory_xact_lock(hashtextextended(%s, 2))"
_FIND = """
SELECT received_at, body_hash, type, state, reason, detail, user_id
FROM inbox WHERE sender = %s AND command_id = %s ORDER BY received_at
"""
_INSERT = """
INSERT INTO inbox (sender, command_id, received_at, body_hash, type, group_key, state, reason, detail, user_id, result,
                   finished_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_SETTLE = """
UPDATE inbox SET state = %s, reason = %s, detail = %s, user_id = coalesce(%s, user_id), finished_at = %s
WHERE sender = %s AND command_id = %s AND state IN ('parked', 'waiting')
"""


@dataclass(frozen=True, slots=True)
class Received:
    """A row of the inbox."""

    received_at: datetime
    body_hash: bytes
    type: str
    state: State
    reason: str | None
    detail: str | None
    user_id: UUID | None


def claim(connection: Connection[Any], sender: str, command_id: str, group: str) -> None:
    """Let nobody else handle this command, or a command of this group, until the transaction ends."""
    connection.execute(_LOCK, (f"{sender}\x1f{command_id}", group))


def ask(connection: Connection[Any], sender: str, command_id: str) -> Cursor[Received]:
    """All that came under this id, the first one first: only that one can have taken effect."""
    return connection.cursor(row_factory=class_row(Received)).execute(_FIND, (sender, command_id))


def enter(
    work: Work, outcome: Outcome, *, group: str, body_hash: bytes, earlier: list[Received], result: dict[str, Any]
) -> None:
    """Have the command's row written. The table is unique by time too, so that a second row never collides."""
    received_at = work.now
    if earlier:
        received_at = max(received_at, earlier[-1].received_at + timedelta(microseconds=1))
    work.write(
        _INSERT,
        outcome.sender,
        outcome.command_id,
        received_at,
        body_hash,
        outcome.type,
        group,
        outcome.state,
        outcome.reason,
        outcome.detail,
        outcome.user_id,
        Jsonb(result),
        work.now if outcome.state in ("applied", "rejected") else None,
    )


def settle(work: Work, outcome: Outcome) -> None:
    """Have the row of a command that was parked, or waited, say what became of it."""
    work.write(
        _SETTLE,
        outcome.state,
        outcome.reason,
        outcome.detail,
        outcome.user_id,
        work.now if outcome.state not in ("parked", "waiting") else None,
        outcome.sender,
        outcome.command_id,
    )
