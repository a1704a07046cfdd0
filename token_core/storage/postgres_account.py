"""A person's own account in Postgres: where they are signed in, who has access, and their e-mail address."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from shared.aead import UnsealError
from shared.database.authority import note_change_async
from shared.identity.ending import VOID_LINKS
from shared.subject_keys import decrypt_personal
from token_core.errors import TemporarilyUnavailable
from token_core.storage.account_ports import Access, EmailChange, EmailTakenError, Place, Side
from token_core.storage.database import DatabaseDown
from token_core.storage.person_export import read_events, read_everything
from token_core.storage.postgres_sign_in import PostgresSignInTransaction
from token_core.storage.sign_in_ports import Ended

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from shared.subject_keys import AsyncSubjectKeys, SubjectKey
    from token_core.storage.database import Database

# A device's sessions are one place; of one without a session it is known that it is known. Only live ones are indexed.
_PLACES = """
SELECT s.id, coalesce(s.device_id, s.id), s.authenticated_at, s.last_seen_at, s.subject_key_id, s.personal,
       s.expires_at > %(now)s AND s.last_seen_at > %(idle_since)s
FROM sign_in_sessions s WHERE s.user_id = %(user)s AND s.ended_at IS NULL
ORDER BY s.last_seen_at DESC LIMIT 1000
"""
_DEVICES = "SELECT id, created_at, last_used_at FROM device_credentials WHERE user_id = %(user)s"
_ACCESS = """
SELECT c.client_id, c.name, coalesce(x.scopes, '{}'), x.granted_at,
       EXISTS (SELECT FROM refresh_families f WHERE f.user_id = %(user)s AND f.client_id = c.id AND f.revoked_at IS NULL
               AND f.expires_at > now() AND f.idle_expires_at > now())
FROM clients c LEFT JOIN consents x ON x.client_id = c.id AND x.user_id = %(user)s
WHERE x.user_id IS NOT NULL OR c.id IN (
  SELECT client_id FROM refresh_families WHERE user_id = %(user)s AND revoked_at IS NULL AND expires_at > now()
  AND idle_expires_at > now())
ORDER BY c.name, c.client_id
"""
_LOCK_CREDENTIALS = """
SELECT FROM users WHERE id = %s AND status = 'active' AND credentials_changed_at IS NOT DISTINCT FROM %s FOR UPDATE
"""
_END_PLACE = """
UPDATE sign_in_sessions SET ended_at = %(now)s, end_reason = %(reason)s
WHERE user_id = %(user)s AND ended_at IS NULL AND (id = %(place)s OR device_id = %(place)s) RETURNING id
"""
_REVOKE_FAMILIES = "UPDATE refresh_families SET revoked_at = %(now)s, revoke_reason = %(reason)s, answer = NULL"
_REVOKE_OF_SESSIONS = f"""
{_REVOKE_FAMILIES} WHERE user_id = %(user)s AND session_id = ANY(%(sessions)s) AND revoked_at IS NULL RETURNING id
"""
_REVOKE_OF_CLIENT = f"""
{_REVOKE_FAMILIES} WHERE user_id = %(user)s AND revoked_at IS NULL
  AND client_id = (SELECT id FROM clients WHERE client_id = %(client)s) RETURNING id
"""  # noqa: S608 - of constants
_DELETE_CONSENT = """
DELETE FROM consents x USING clients c WHERE c.client_id = %(client)s AND x.client_id = c.id AND x.user_id = %(user)s
"""
_REMOVE_DEVICES = """
DELETE FROM device_credentials WHERE user_id = %(user)s AND (%(only)s::uuid IS NULL OR id = %(only)s)
  AND id IS DISTINCT FROM %(but)s::uuid RETURNING id
"""
_CANCEL_WISH = """
UPDATE email_changes SET cancelled_at = %(now)s
WHERE user_id = %(user)s AND completed_at IS NULL AND cancelled_at IS NULL
"""
_WISH = """
INSERT INTO email_changes (id, user_id, old_email, old_email_canonical, new_email, new_email_canonical, created_at,
                           expires_at)
SELECT %(id)s, id, email, email_canonical, %(email)s, %(canonical)s, %(now)s, %(expires_at)s
FROM users WHERE id = %(user)s
"""
_COLUMNS = """
 c.id, c.user_id, c.old_email, c.new_email, c.old_confirmed_at IS NOT NULL, c.new_confirmed_at IS NOT NULL
"""
_OPEN_WISH = f"""
SELECT {_COLUMNS} FROM email_changes c
WHERE c.user_id = %s AND c.completed_at IS NULL AND c.cancelled_at IS NULL AND c.expires_at > %s
"""  # noqa: S608 - of constants
_CONFIRM = f"""
UPDATE email_changes c
SET old_confirmed_at = CASE WHEN e.parameters ->> 'to' = 'old' THEN %(now)s ELSE c.old_confirmed_at END,
    new_confirmed_at = CASE WHEN e.parameters ->> 'to' = 'new' THEN %(now)s ELSE c.new_confirmed_at END
FROM email_log e
WHERE e.id = %(email_id)s AND c.id = (e.parameters ->> 'change')::uuid AND c.user_id = e.user_id
  AND c.completed_at IS NULL AND c.cancelled_at IS NULL AND c.expires_at > %(now)s
RETURNING {_COLUMNS}, e.parameters ->> 'to'
"""  # noqa: S608 - of constants
_MOVE = """
UPDATE users u SET email = c.new_email, email_canonical = c.new_email_canonical, email_verified_at = %(now)s,
                   updated_at = %(now)s, version = u.version + 1
FROM email_changes c WHERE c.id = %(id)s AND u.id = c.user_id AND u.email_canonical = c.old_email_canonical
"""
# Back from where this change, or one that the same hands made after it, went: not from where the company put it.
_REVERT = f"""
UPDATE users u SET email = c.old_email, email_canonical = c.old_email_canonical, email_verified_at = %(now)s,
                   credentials_changed_at = %(now)s, updated_at = %(now)s, version = u.version + 1
FROM email_changes c, email_log e
WHERE e.id = %(email_id)s AND c.id = (e.parameters ->> 'change')::uuid AND u.id = c.user_id AND e.user_id = u.id
  AND c.completed_at IS NOT NULL AND c.undone_at IS NULL
  AND u.email_canonical IN (SELECT l.new_email_canonical FROM email_changes l
                            WHERE l.user_id = u.id AND l.id >= c.id AND l.completed_at IS NOT NULL)
RETURNING {_COLUMNS}
"""  # noqa: S608 - of constants
# Whoever came after can't go back to an address of theirs; an earlier owner still can.
_VOID_LATER_UNDOS = """
UPDATE email_log SET link_void_at = %(now)s WHERE user_id = %(user)s AND link_purpose = 'undo_email_change'
  AND link_spent_at IS NULL AND link_void_at IS NULL AND (parameters ->> 'change')::uuid > %(id)s
"""


class PostgresAccount:
    """The `AccountStore`."""

    def __init__(self, database: Database, subject_keys: AsyncSubjectKeys, outbox_shards: int) -> None:
        self._database, self._subject_keys, self._outbox_shards = database, subject_keys, outbox_shards

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator[PostgresAccountTransaction]:
        async with self._database.transaction() as connection:
            yield PostgresAccountTransaction(connection, self._subject_keys, self._outbox_shards, now)

    async def places(self, user_id: uuid.UUID, now: datetime, idle_since: datetime) -> Sequence[Place]:
        values = {"user": user_id, "now": now, "idle_since": idle_since}
        async with self.transaction(now) as work:
            return await work.read_places(values)

    async def access(self, user_id: uuid.UUID) -> Sequence[Access]:
        rows = await self._database.read_all(_ACCESS, {"user": user_id})
        return [Access(client, name, tuple(scopes), granted, live) for client, name, scopes, granted, live in rows]

    async def open_wish(self, user_id: uuid.UUID, now: datetime) -> EmailChange | None:
        row = await self._database.read_one(_OPEN_WISH, (user_id, now))
        return None if row is None else EmailChange(*row)

    async def everything(self, user_id: uuid.UUID) -> dict[str, Any]:
        async with self._database.transaction() as connection:
            try:
                key = await self._subject_keys.get_or_create(connection, str(user_id))
            except (BotoCoreError, ClientError) as error:
                raise TemporarilyUnavailable(detail="kms_failed") from error
            found = await read_everything(connection, key, user_id)
        try:
            async with self._database.transaction() as connection:
                return found | {"events": await read_events(connection, key, user_id)}
        except DatabaseDown as error:
            if error.detail != "postgres_slow":
                raise
            return found | {
                "events": None,
                "note": "There are too many events to look through now. Ask for a copy later.",
            }


class PostgresAccountTransaction(PostgresSignInTransaction):
    """The `AccountTransaction`."""

    async def read_places(self, values: dict[str, Any]) -> Sequence[Place]:
        try:
            key = await self._subject_keys.get_or_create(self._connection, str(values["user"]))
        except (BotoCoreError, ClientError):
            key = None  # what can be ended is shown all the same, without its address
        sessions = await (await self._connection.execute(_PLACES, values)).fetchall()
        found: dict[uuid.UUID, Place] = {}
        for session_id, place_id, began, seen, key_id, personal, is_live in sessions:
            known = found.get(place_id)
            if known is None:
                where = _opened(key, key_id, session_id, personal)
                live = frozenset({session_id} if is_live else ())
                found[place_id] = Place(
                    place_id, is_live, began, seen, where.get("address"), where.get("user_agent"), live
                )
            elif is_live:
                ids = known.session_ids | {session_id}
                found[place_id] = Place(
                    place_id, True, min(known.began_at, began), known.last_used_at, known.address, known.user_agent, ids
                )
        devices = await (await self._connection.execute(_DEVICES, values)).fetchall()
        for device_id, created_at, last_used_at in devices:
            found.setdefault(device_id, Place(device_id, False, created_at, last_used_at, None, None, frozenset()))
        kept = {device_id for device_id, _, _ in devices}
        places = [place for place in found.values() if place.is_signed_in or place.id in kept]
        return sorted(places, key=lambda place: (place.is_signed_in, place.last_used_at), reverse=True)

    async def lock_credentials(self, user_id: uuid.UUID, changed_at: datetime | None) -> bool:
        found = await self._connection.execute(_LOCK_CREDENTIALS, (user_id, changed_at))
        return await found.fetchone() is not None

    async def end_place(self, user_id: uuid.UUID, place_id: uuid.UUID, reason: str) -> Ended:
        values: dict[str, Any] = {"user": user_id, "place": place_id, "reason": reason, "now": self._now}
        sessions = await self._ids(_END_PLACE, values)
        families = await self._ids(_REVOKE_OF_SESSIONS, values | {"sessions": sessions})
        return Ended(sessions, families)

    async def remove_devices(
        self, user_id: uuid.UUID, *, only: uuid.UUID | None = None, but: uuid.UUID | None = None
    ) -> Sequence[uuid.UUID]:
        return await self._ids(_REMOVE_DEVICES, {"user": user_id, "only": only, "but": but})

    async def revoke_access(self, user_id: uuid.UUID, client_id: str, reason: str) -> tuple[bool, Sequence[uuid.UUID]]:
        values = {"user": user_id, "client": client_id, "reason": reason, "now": self._now}
        was_allowed = (await self._connection.execute(_DELETE_CONSENT, values)).rowcount == 1
        return was_allowed, await self._ids(_REVOKE_OF_CLIENT, values)

    async def wish_for_email(
        self, change_id: uuid.UUID, user_id: uuid.UUID, email: str, canonical: str, expires_at: datetime
    ) -> None:
        values = {
            "id": change_id, "user": user_id, "email": email, "canonical": canonical, "expires_at": expires_at,
            "now": self._now,
        }  # fmt: skip
        await self._connection.execute(_CANCEL_WISH, values)
        await self._connection.execute(_WISH, values)

    async def confirm_email(self, email_id: uuid.UUID) -> tuple[EmailChange, Side] | None:
        found = await self._connection.execute(_CONFIRM, {"email_id": email_id, "now": self._now})
        row = await found.fetchone()
        return None if row is None else (EmailChange(*row[:-1]), "old" if row[-1] == "old" else "new")

    async def complete_email_change(self, change: EmailChange) -> bool:
        values = {"id": change.id, "user_id": change.user_id, "now": self._now}
        try:
            moved = (await self._connection.execute(_MOVE, values)).rowcount == 1
        except psycopg.errors.UniqueViolation as error:
            raise EmailTakenError from error
        if not moved:
            return False
        await self._connection.execute("UPDATE email_changes SET completed_at = %(now)s WHERE id = %(id)s", values)
        await self._connection.execute(VOID_LINKS, values)  # also those in the old mailbox
        await note_change_async(self._connection, "user", str(change.user_id))
        return True

    async def revert_email_change(self, email_id: uuid.UUID) -> EmailChange | None:
        try:
            found = await self._connection.execute(_REVERT, {"email_id": email_id, "now": self._now})
            row = await found.fetchone()
        except psycopg.errors.UniqueViolation as error:
            raise EmailTakenError from error
        if row is None:
            return None
        change = EmailChange(*row)
        values = {"id": change.id, "user": change.user_id, "now": self._now}
        await self._connection.execute("UPDATE email_changes SET undone_at = %(now)s WHERE id = %(id)s", values)
        await self._connection.execute(_CANCEL_WISH, values)
        await self._connection.execute(_VOID_LATER_UNDOS, values)
        await self._connection.execute("DELETE FROM password_credentials WHERE user_id = %(user)s", values)
        await note_change_async(self._connection, "user", str(change.user_id))
        return change

    async def _ids(self, sql: str, values: dict[str, Any]) -> list[uuid.UUID]:
        rows = await self._connection.execute(sql, values)
        return [row[0] for row in await rows.fetchall()]


def _opened(
    key: SubjectKey | None, key_id: uuid.UUID | None, session_id: uuid.UUID, personal: str | None
) -> dict[str, Any]:
    """Where a session is; nothing where its key has gone."""
    if key is None or personal is None or str(key_id) != key.key_id:
        return {}
    try:
        return decrypt_personal(key, str(session_id), personal)
    except UnsealError:
        return {}
