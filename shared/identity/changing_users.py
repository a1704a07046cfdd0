"""Changing a user, with its events: update, disable, enable, erase, roles taken away. Steps, as registration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from events.payloads.sign_in import SessionEnded
from events.payloads.token import TokenRevoked
from events.payloads.user import (
    UserDetails,
    UserDisabled,
    UserEnabled,
    UserErased,
    UserRolesRevoked,
    UserUpdated,
)
from events.types import EventType
from shared.database.authority import noting_change
from shared.database.outbox import inserting_events
from shared.database.steps import Statement
from shared.identity.email import canonical_email
from shared.identity.ending import VOID_LINKS, ending_user_access
from shared.identity.profile import changed_profile
from shared.identity.registration import AlreadyExistsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from events.payloads.fields import Payload
    from events.profile import Profile
    from shared.database.steps import Steps
    from shared.identity.ending import EndedAccess
    from shared.identity.recording import Recording
    from shared.subject_keys import SubjectKeys

_FIND = (
    "SELECT email, email_canonical, email_verified_at, profile, external_id, status FROM users"
    " WHERE id = %(id)s FOR NO KEY UPDATE"
)
_UPDATE = (
    "UPDATE users SET email = %(email)s, email_canonical = %(canonical)s, email_verified_at = %(verified_at)s,"
    " profile = %(profile)s, external_id = %(external_id)s, updated_at = %(now)s, version = version + 1"
    " WHERE id = %(id)s"
)
_SET_STATUS = (
    "UPDATE users SET status = %(status)s, updated_at = %(now)s, version = version + 1"
    " WHERE id = %(id)s AND status <> %(status)s AND status <> 'erased' RETURNING id"
)
_EMPTY = (
    "UPDATE users SET email = NULL, email_canonical = NULL, email_verified_at = NULL, external_id = NULL,"
    " profile = '{}', status = 'erased', updated_at = %(now)s, version = version + 1 WHERE id = %(id)s"
)
_DELETE_WHAT_IS_THEIRS = tuple(
    f"DELETE FROM {table} WHERE user_id = %(id)s"  # noqa: S608 - constants
    for table in ("password_credentials", "consents", "device_credentials", "role_bindings", "email_changes")
)


def updating_user(
    recording: Recording, user_id: UUID, change: dict[str, Any], subject_keys: SubjectKeys
) -> Steps[tuple[str, ...]]:
    """Change what `change` has of email, profile (a `Profile`: its null claims go) and external_id. Returns the fields.

    A new address is unverified, and links that went to the old one are void.

    Raises:
        shared.identity.email.InvalidEmail: it is none.
        AlreadyExistsError: the address or the reference is another user's.
        UnknownNameError: there is no such user, or no more.
    """
    email, canonical, verified_at, profile, external_id, _ = yield from _living(user_id)
    after: dict[str, Any] = {"email": email, "profile": profile, "external_id": external_id}
    if "email" in change:
        after["email"] = change["email"].strip()
    given: Profile | None = change.get("profile")
    if given is not None:
        after["profile"] = changed_profile(profile, given)
    if "external_id" in change:
        after["external_id"] = change["external_id"]
    before = {"email": email, "profile": profile, "external_id": external_id}
    fields = tuple(name for name, value in after.items() if value != before[name])
    if not fields:
        return ()
    new_canonical = canonical_email(after["email"])
    is_moved = new_canonical != canonical
    yield from _require_free(user_id, "email_canonical", "email", new_canonical if is_moved else None)
    yield from _require_free(
        user_id, "external_id", "external_id", after["external_id"] if "external_id" in fields else None
    )
    yield Statement(
        _UPDATE,
        {
            "id": user_id,
            "email": after["email"],
            "canonical": new_canonical,
            "verified_at": None if is_moved else verified_at,
            "profile": Jsonb(after["profile"]),
            "external_id": after["external_id"],
            "now": recording.now,
        },
    )
    if is_moved:
        yield Statement(VOID_LINKS, {"user_id": user_id, "now": recording.now})
    cipher = yield from subject_keys.of(str(user_id))
    details = UserDetails(
        email=after["email"] if "email" in fields else None,
        profile=given if "profile" in fields else None,
        external_id=after["external_id"] if "external_id" in fields else None,
    )
    event = recording.event(
        EventType.USER_UPDATED, UserUpdated(fields=fields), str(user_id), personal=details, cipher=cipher
    )
    yield from inserting_events([event], recording.outbox_shards)
    yield from noting_change("user", str(user_id))
    return fields


def disabling_user(recording: Recording, user_id: UUID, reason: str | None = None) -> Steps[None]:
    """Out at once, everywhere, until enabled again. Disabling twice is the same as once. Raises UnknownNameError."""
    yield from _living(user_id)
    rows = yield Statement(_SET_STATUS, {"id": user_id, "status": "disabled", "now": recording.now})
    if rows:
        yield from _record(recording, EventType.USER_DISABLED, UserDisabled(reason=reason), user_id)
    yield from ending_everything(recording, user_id, "user_disabled")
    yield from noting_change("user", str(user_id))


def enabling_user(recording: Recording, user_id: UUID) -> Steps[None]:
    """May sign in again; what disabling ended stays ended. Raises UnknownNameError."""
    yield from _living(user_id)
    rows = yield Statement(_SET_STATUS, {"id": user_id, "status": "active", "now": recording.now})
    if rows:
        yield from _record(recording, EventType.USER_ENABLED, UserEnabled(), user_id)
        yield from noting_change("user", str(user_id))


def erasing_user(recording: Recording, user_id: UUID, subject_keys: SubjectKeys) -> Steps[None]:
    """What tells who the person was goes, and the key to what the audit log holds of them. Erasing twice is once.

    Raises:
        UnknownNameError: there is no such user.
    """
    *_, status = yield from _existing(user_id)
    if status == "erased":
        return
    yield from ending_everything(recording, user_id, "user_erased")
    yield Statement(_EMPTY, {"id": user_id, "now": recording.now})
    for statement in _DELETE_WHAT_IS_THEIRS:
        yield Statement(statement, {"id": user_id})
    destroyed = yield from subject_keys.erasing(str(user_id), recording.now)
    yield from _record(recording, EventType.USER_ERASED, UserErased(subject_key_id=destroyed), user_id)
    yield from noting_change("user", str(user_id))


def revoking_user_roles(recording: Recording, user_id: UUID, roles: Collection[str]) -> Steps[tuple[str, ...]]:
    """Returns the names of those that the user held."""
    rows = yield Statement(
        "DELETE FROM role_bindings b USING roles r WHERE b.user_id = %(user_id)s AND r.id = b.role_id"
        " AND r.name = ANY(%(names)s) RETURNING r.name",
        {"user_id": user_id, "names": sorted(roles)},
    )
    revoked = tuple(sorted(name for (name,) in rows))
    if revoked:
        yield from _record(recording, EventType.USER_ROLES_REVOKED, UserRolesRevoked(roles=revoked), user_id)
        yield from noting_change("user", str(user_id))
    return revoked


def ending_everything(recording: Recording, user_id: UUID, reason: str) -> Steps[EndedAccess]:
    """Sessions, refresh families and mailed links, with an event for each session and family."""
    ended = yield from ending_user_access(user_id, reason, recording.now)
    events = [
        recording.event(EventType.SESSION_ENDED, SessionEnded(reason=reason), str(user_id), session_id=session_id)
        for session_id in ended.session_ids
    ]
    events += [
        recording.event(
            EventType.TOKEN_REVOKED,
            TokenRevoked(token_type="refresh_token", family_id=str(family_id), reason=reason),  # noqa: S106 - its kind
            str(user_id),
        )
        for family_id in ended.family_ids
    ]
    yield from inserting_events(events, recording.outbox_shards)
    return ended


def _existing(user_id: UUID) -> Steps[tuple[Any, ...]]:
    rows = yield Statement(_FIND, {"id": user_id})
    if not rows:
        raise UnknownNameError("user_id", "there is no such user")
    row: tuple[Any, ...] = rows[0]
    return row


def _living(user_id: UUID) -> Steps[tuple[Any, ...]]:
    row = yield from _existing(user_id)
    if row[-1] == "erased":
        raise UnknownNameError("user_id", "this user was erased")
    return row


def _require_free(user_id: UUID, column: str, name: str, value: str | None) -> Steps[None]:
    if value is None:
        return
    sql = f"SELECT 1 FROM users WHERE {column} = %(value)s AND id <> %(id)s"  # noqa: S608 - a column of ours
    rows = yield Statement(sql, {"value": value, "id": user_id})
    if rows:
        raise AlreadyExistsError(name, f"another user has this {name}")


def _record(recording: Recording, event_type: EventType, payload: Payload, user_id: UUID) -> Steps[None]:
    yield from inserting_events([recording.event(event_type, payload, str(user_id))], recording.outbox_shards)
