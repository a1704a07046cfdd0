"""The browser's sign-in session: found, kept alive, ended. "Cannot tell" is raised, never answered as "no"."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import TYPE_CHECKING

from events.payloads.sign_in import SessionEnded
from events.payloads.token import TokenRevoked
from events.types import EventType
from shared.secret_format import sha256

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from token_core.sessions.policy import SignInPolicy
    from token_core.sessions.visitor import Visitor
    from token_core.storage.sign_in_ports import CurrentSession, SignInStore, SignInTransaction

TOUCH_AFTER = timedelta(seconds=60)  # so that using a session writes at most once a minute


async def current_session(
    store: SignInStore, policy: SignInPolicy, visitor: Visitor, now: datetime
) -> CurrentSession | None:
    """The visitor's live session.

    Raises:
        TemporarilyUnavailable: it can't be told now; the cookie has to be left alone.
    """
    if visitor.session is None:
        return None
    session = await store.find_session(visitor.session.id, now, now - policy.session_idle)
    if session is None or not hmac.compare_digest(session.secret_hash, sha256(visitor.session.secret)):
        return None
    if now - session.last_seen_at > TOUCH_AFTER:
        await store.touch_session(session.id, now)
    return session


async def end_session(
    work: SignInTransaction, session_id: uuid.UUID, user_id: uuid.UUID, *, reason: str, actor: str
) -> bool:
    """End it, and the refresh families without offline_access (OpenID Connect Back-Channel Logout 1.0, 2.7).

    A family with offline_access was given for the time when the person is away: it outlives a sign-out, and ends by
    revocation, by a changed password, or with the user.
    """
    if not await work.end_session(session_id, reason):
        return False
    subject = str(user_id)
    await work.record(
        EventType.SESSION_ENDED, SessionEnded(reason=reason), subject=subject, actor=actor, session_id=session_id
    )
    families = await work.revoke_online_families(session_id, reason)
    await record_revoked_families(work, families, subject=subject, actor=actor, reason=reason)
    return True


async def record_revoked_families(
    work: SignInTransaction, families: Sequence[uuid.UUID], *, subject: str, actor: str, reason: str
) -> None:
    for family_id in families:
        payload = TokenRevoked(token_type="refresh_token", family_id=str(family_id), reason=reason)  # noqa: S106
        await work.record(EventType.TOKEN_REVOKED, payload, subject=subject, actor=actor)
