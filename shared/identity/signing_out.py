"""Signing everybody out, of a person, a client or the platform: by not-before, and by ending what is live.

Steps in the caller's transaction. The platform's is one row, whatever the number of sessions: see `not_before`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from events.envelope import PLATFORM
from events.payloads.authorization import ConsentRevoked
from events.payloads.platform import ClientAccessEnded, PlatformAccessEnded, UserAccessEnded
from events.payloads.sign_in import SessionEnded
from events.payloads.token import TokenRevoked
from events.types import EventType
from shared.clock import rfc3339
from shared.database.authority import noting_change
from shared.database.outbox import inserting_events
from shared.database.steps import Statement
from shared.identity.changing_users import ending_everything
from shared.identity.ending import EndedAccess
from shared.identity.registration import UnknownNameError
from shared.identity.subjects import client_subject

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from shared.database.steps import Steps
    from shared.identity.recording import Recording

REASON = "ended_by_administrator"
_END_SESSION = (
    "UPDATE sign_in_sessions SET ended_at = %(now)s, end_reason = %(reason)s"
    " WHERE id = %(id)s AND ended_at IS NULL RETURNING user_id"
)
_REVOKE = "UPDATE refresh_families SET revoked_at = %(now)s, revoke_reason = %(reason)s, answer = NULL WHERE "
_REVOKE_ONE = _REVOKE + "id = %(id)s AND revoked_at IS NULL RETURNING id, user_id"
_REVOKE_SESSION = _REVOKE + "session_id = %(id)s AND revoked_at IS NULL RETURNING id, user_id"
_REVOKE_CLIENT = _REVOKE + "client_id = %(id)s AND revoked_at IS NULL RETURNING id, user_id"
_REVOKE_CONSENTED = (
    _REVOKE + "client_id = %(id)s AND user_id = %(user_id)s AND revoked_at IS NULL RETURNING id, user_id"
)


def signing_user_out(recording: Recording, user_id: UUID) -> Steps[EndedAccess]:
    """Everything that this person was issued until now. Raises UnknownNameError."""
    instant = _not_before(recording.now)
    rows = yield Statement(
        "UPDATE users SET not_before = %(instant)s WHERE id = %(id)s AND status <> 'erased' RETURNING id",
        {"id": user_id, "instant": instant},
    )
    if not rows:
        raise UnknownNameError("user_id", "there is no such user")
    ended = yield from ending_everything(recording, user_id, REASON)
    payload = UserAccessEnded(not_before=rfc3339(instant))
    event = recording.event(EventType.USER_ACCESS_ENDED, payload, str(user_id))
    yield from inserting_events([event], recording.outbox_shards)
    yield from noting_change("user", str(user_id))
    return ended


def signing_client_out(recording: Recording, client_id: str) -> Steps[EndedAccess]:
    """Everything that this client was issued until now, for itself and for people. Raises UnknownNameError."""
    instant = _not_before(recording.now)
    rows = yield Statement(
        "UPDATE clients SET not_before = %(instant)s WHERE client_id = %(client_id)s RETURNING id",
        {"client_id": client_id, "instant": instant},
    )
    if not rows:
        raise UnknownNameError("client_id", "there is no client of this client_id")
    families = yield from _revoking(recording, _REVOKE_CLIENT, rows[0][0], client_id)
    event = recording.event(
        EventType.CLIENT_ACCESS_ENDED,
        ClientAccessEnded(not_before=rfc3339(instant)),
        client_subject(client_id),
        client_id=client_id,
    )
    yield from inserting_events([event], recording.outbox_shards)
    yield from noting_change("client", client_id)
    return EndedAccess((), families)


def signing_everybody_out(recording: Recording) -> Steps[datetime]:
    """Everything that anybody was issued until now. Returns the not-before."""
    instant = _not_before(recording.now)
    yield Statement(
        "INSERT INTO platform_instants (name, instant, actor) VALUES ('not_before', %(instant)s, %(actor)s)"
        " ON CONFLICT (name) DO UPDATE SET instant = greatest(platform_instants.instant, excluded.instant),"
        " actor = excluded.actor",
        {"instant": instant, "actor": recording.actor},
    )
    payload = PlatformAccessEnded(not_before=rfc3339(instant))
    event = recording.event(EventType.PLATFORM_ACCESS_ENDED, payload, PLATFORM)
    yield from inserting_events([event], recording.outbox_shards)
    return instant


def ending_session(recording: Recording, session_id: UUID) -> Steps[bool]:
    """A sign-in session and the refresh families that came of it. False: there is no such live session."""
    rows = yield Statement(_END_SESSION, {"id": session_id, "reason": REASON, "now": recording.now})
    if not rows:
        return False
    event = recording.event(
        EventType.SESSION_ENDED, SessionEnded(reason=REASON), str(rows[0][0]), session_id=session_id
    )
    yield from inserting_events([event], recording.outbox_shards)
    yield from _revoking(recording, _REVOKE_SESSION, session_id)
    return True


def revoking_family(recording: Recording, family_id: UUID) -> Steps[bool]:
    """False: there is no such live family."""
    return bool((yield from _revoking(recording, _REVOKE_ONE, family_id)))


def revoking_consent(recording: Recording, user_id: UUID, client_id: str) -> Steps[bool]:
    """Take it back, and what the client holds by it. False: there is none."""
    rows = yield Statement(
        "DELETE FROM consents x USING clients c WHERE c.client_id = %(client_id)s AND x.client_id = c.id"
        " AND x.user_id = %(user_id)s RETURNING c.id",
        {"client_id": client_id, "user_id": user_id},
    )
    if not rows:
        return False
    event = recording.event(
        EventType.CONSENT_REVOKED, ConsentRevoked(client_id=client_id), str(user_id), client_id=client_id
    )
    yield from inserting_events([event], recording.outbox_shards)
    yield from _revoking(recording, _REVOKE_CONSENTED, rows[0][0], client_id, user_id=user_id)
    return True


def _revoking(
    recording: Recording, statement: str, identifier: UUID, client_id: str | None = None, user_id: UUID | None = None
) -> Steps[tuple[UUID, ...]]:
    parameters = {"id": identifier, "user_id": user_id, "reason": REASON, "now": recording.now}
    rows = yield Statement(statement, parameters)
    events = [
        recording.event(
            EventType.TOKEN_REVOKED,
            TokenRevoked(token_type="refresh_token", family_id=str(family_id), reason=REASON),  # noqa: S106 - its kind
            str(owner),
            client_id=client_id,
        )
        for family_id, owner in rows
    ]
    yield from inserting_events(events, recording.outbox_shards)
    return tuple(family_id for family_id, _ in rows)


def _not_before(now: datetime) -> datetime:
    """The next whole millisecond: ids tell no more, and what was made in this one is meant too."""
    return now.replace(microsecond=now.microsecond // 1000 * 1000) + timedelta(milliseconds=1)
