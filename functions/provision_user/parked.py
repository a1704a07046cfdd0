"""Commands that can't be applied now, and those that wait behind them, in order within their group (P9)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from psycopg.rows import class_row

from functions.provision_user.message import Outcome, storable
from shared.ids import new_id

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

    from functions.provision_user.work import Work

_COLUMNS = "id, group_key, sender, command_id, body, state"
_FIND = f"SELECT {_COLUMNS} FROM parked_commands WHERE id = %s FOR UPDATE"  # noqa: S608 - constants
# A user has two references, so two groups: nothing overtakes a parked command through the other one.
_HEAD = f"""
SELECT {_COLUMNS} FROM parked_commands
WHERE state IN ('parked', 'waiting') AND group_key = ANY(ARRAY(
    SELECT %(group)s UNION ALL
    SELECT external_id FROM users WHERE id = %(id)s AND external_id IS NOT NULL UNION ALL
    SELECT id::text FROM users WHERE external_id = %(group)s))
ORDER BY position LIMIT 1
"""  # noqa: S608
_INSERT = """
INSERT INTO parked_commands (id, group_key, sender, command_id, body, state, reason, detail, parked_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_KEEP = "UPDATE parked_commands SET state = 'parked', reason = %s, detail = %s WHERE id = %s"
# What was applied is in its effects; its body, which may tell of a person, is not kept twice.
_RESOLVE = """
UPDATE parked_commands SET state = %s, resolved_at = %s, resolved_by = %s,
                           body = CASE WHEN %s THEN '' ELSE body END
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """An open or resolved row."""

    id: uuid.UUID
    group_key: str
    sender: str
    command_id: str
    body: str
    state: Literal["parked", "waiting", "redriven", "dismissed"]

    @property
    def is_open(self) -> bool:
        return self.state in ("parked", "waiting")


def find_parked(connection: Connection[Any], parked_id: uuid.UUID) -> Parked | None:
    """The row, locked."""
    with connection.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute(_FIND, (parked_id,)).fetchone()


def ask_head(connection: Connection[Any], group: str) -> Cursor[Parked]:
    """The first open command of this group's user: who comes now waits behind it."""
    cursor = connection.cursor(row_factory=class_row(Parked))
    return cursor.execute(_HEAD, {"group": group, "id": _as_id(group)})


def park(work: Work, outcome: Outcome, *, group: str, body: str) -> None:
    """Have it set aside as `parked`, or as `waiting` behind another."""
    work.write(
        _INSERT,
        new_id(),
        group,
        outcome.sender,
        outcome.command_id,
        storable(body),
        outcome.state,
        outcome.reason,
        outcome.detail,
        work.now,
    )


def resolve(work: Work, row: Parked, outcome: Outcome, resolved_by: str) -> None:
    """Have the row say what became of its command: applied or refused (`redriven`), dismissed, or parked still."""
    if outcome.state == "parked":
        work.write(_KEEP, outcome.reason, outcome.detail, row.id)
        return
    state = "dismissed" if outcome.state == "dismissed" else "redriven"
    work.write(_RESOLVE, state, work.now, resolved_by, outcome.state == "applied", row.id)


def _as_id(group: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(group)
    except ValueError:
        return None
