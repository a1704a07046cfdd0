"""Ending a person's access at once: sessions, refresh families, and links in mails not yet followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.database.steps import Statement, run, run_async

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from shared.database.steps import AsyncConnection, Steps, SyncConnection

END_SESSIONS = (
    "UPDATE sign_in_sessions SET ended_at = %(now)s, end_reason = %(reason)s"
    " WHERE user_id = %(user_id)s AND ended_at IS NULL AND id IS DISTINCT FROM %(except_session)s::uuid RETURNING id"
)
REVOKE_FAMILIES = (
    "UPDATE refresh_families SET revoked_at = %(now)s, revoke_reason = %(reason)s, answer = NULL"
    " WHERE user_id = %(user_id)s AND revoked_at IS NULL"
    " AND (%(except_session)s::uuid IS NULL OR session_id IS DISTINCT FROM %(except_session)s::uuid) RETURNING id"
)
VOID_LINKS = (
    "UPDATE email_log SET link_void_at = %(now)s WHERE user_id = %(user_id)s AND link_purpose IS NOT NULL"
    " AND link_spent_at IS NULL AND link_void_at IS NULL AND link_expires_at > %(now)s"
    # who took an account over, and sets a password, doesn't take that from its owner
    " AND link_purpose <> 'undo_email_change'"
)


@dataclass(frozen=True, slots=True)
class EndedAccess:
    """What was live until now. The caller records `session.ended` and `token.revoked` for each."""

    session_ids: tuple[UUID, ...]
    family_ids: tuple[UUID, ...]


def ending_user_access(
    user_id: UUID, reason: str, now: datetime, except_session: UUID | None = None
) -> Steps[EndedAccess]:
    """End it in the caller's transaction. `except_session` and its refresh families go on: a password changed there."""
    parameters = {"user_id": user_id, "reason": reason, "now": now, "except_session": except_session}
    sessions = yield Statement(END_SESSIONS, parameters)
    families = yield Statement(REVOKE_FAMILIES, parameters)
    yield Statement(VOID_LINKS, {"user_id": user_id, "now": now})
    return EndedAccess(tuple(row[0] for row in sessions), tuple(row[0] for row in families))


def end_user_access(
    connection: SyncConnection, user_id: UUID, reason: str, now: datetime, except_session: UUID | None = None
) -> EndedAccess:
    """`ending_user_access`, for functions."""
    return run(connection, ending_user_access(user_id, reason, now, except_session))


async def end_user_access_async(
    connection: AsyncConnection, user_id: UUID, reason: str, now: datetime, except_session: UUID | None = None
) -> EndedAccess:
    """`ending_user_access`, for token cores."""
    return await run_async(connection, ending_user_access(user_id, reason, now, except_session))
