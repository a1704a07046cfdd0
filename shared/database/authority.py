"""Telling token cores that a user, client, role, API or key changed: a row they poll, and a hint to be faster."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from shared.database.steps import Statement, run, run_async

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.database.steps import AsyncConnection, Steps, SyncConnection

AuthorityKind = Literal["user", "client", "role", "resource_server", "key"]

NOTE_CHANGE = "INSERT INTO authority_changes (kind, entity_id) VALUES (%(kind)s, %(entity_id)s)"
POLL_CHANGES = (
    # One statement, one snapshot: what was open at `horizon` comes again at the next poll.
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon, change.kind, change.entity_id"
    " FROM (SELECT) AS always LEFT JOIN authority_changes AS change ON change.xid >= %(horizon)s::xid8"
)
FIRST_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
HINT_CHANNEL = "authority-changed"

_log = logging.getLogger(__name__)


class Change(NamedTuple):
    kind: str
    entity_id: str


class Publisher(Protocol):
    """What a Redis client does."""

    def publish(self, channel: str, message: str) -> Any: ...


def noting_change(kind: AuthorityKind, entity_id: str) -> Steps[None]:
    yield Statement(NOTE_CHANGE, {"kind": kind, "entity_id": entity_id})


def note_change(connection: SyncConnection, kind: AuthorityKind, entity_id: str) -> None:
    """Note it in the caller's transaction. `entity_id`: a user's id, a client's `client_id`, a role's name, a kid."""
    run(connection, noting_change(kind, entity_id))


async def note_change_async(connection: AsyncConnection, kind: AuthorityKind, entity_id: str) -> None:
    """Note it in the caller's transaction."""
    await run_async(connection, noting_change(kind, entity_id))


def first_horizon() -> Steps[str]:
    """Where to begin polling: before the caches are first filled."""
    rows = yield Statement(FIRST_HORIZON, {})
    horizon: str = rows[0][0]
    return horizon


def poll_changes(horizon: str) -> Steps[tuple[str, set[Change]]]:
    """What committed since `horizon`, some of it perhaps again, and the next horizon.

    A transaction below the horizon had ended before the last poll's snapshot, which therefore saw its rows; all others
    are asked for again. So no commit is missed, in whatever order they come.
    """
    rows = yield Statement(POLL_CHANGES, {"horizon": horizon})
    return rows[0][0], {Change(kind, entity_id) for _, kind, entity_id in rows if kind is not None}


def publish_hints(publisher: Publisher, changes: Iterable[Change]) -> None:
    """Tell token cores after the commit, so that they needn't wait for their next poll. Best effort: never raises."""
    for change in changes:
        try:
            publisher.publish(HINT_CHANNEL, f"{change.kind}:{change.entity_id}")
        except Exception as error:  # noqa: BLE001 - a lost hint costs at most the poll's interval
            _log.warning("a hint was lost", extra={"kind": change.kind, "error": type(error).__name__})
            return


def read_hint(message: str) -> Change:
    """What `publish_hints` sent."""
    kind, _, entity_id = message.partition(":")
    return Change(kind, entity_id)
