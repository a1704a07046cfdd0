"""What a person who is disabled or erased loses in the same transaction: sessions, refresh families, mailed links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.payloads.sign_in import SessionEnded
from events.payloads.token import TokenRevoked
from events.types import EventType
from shared.identity.ending import end_user_access

if TYPE_CHECKING:
    from uuid import UUID

    from functions.provision_user.work import Work


def end_access(work: Work, user_id: UUID, reason: str) -> None:
    """End it all now, and have an event written for each session and family."""
    ended = end_user_access(work.connection, user_id, reason, work.now)
    for session_id in ended.session_ids:
        work.record(
            EventType.SESSION_ENDED, SessionEnded(reason=reason), subject=str(user_id), session_id=str(session_id)
        )
    for family_id in ended.family_ids:
        work.record(
            EventType.TOKEN_REVOKED,
            TokenRevoked(token_type="refresh_token", family_id=str(family_id), reason=reason),  # noqa: S106 - its kind
            subject=str(user_id),
        )
