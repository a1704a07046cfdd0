"""Sign-in sessions, known devices, guess budgets, mailed links and consents in Postgres."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from events.envelope import PLATFORM
from events.payloads.email import EmailRequested
from events.record import build_event
from events.types import EventType
from shared.database.authority import note_change_async
from shared.database.outbox import insert_events_async
from shared.identity.ending import end_user_access_async
from shared.identity.not_before import is_after_not_before
from shared.ids import new_id
from shared.logging import request_id
from token_core.errors import TemporarilyUnavailable
from token_core.storage.sign_in_ports import Account, CurrentSession, Ended, Link, LinkState, NewMail, NewSession

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from events.payloads.fields import Origin, Payload, Personal
    from events.record import PersonalCipher
    from shared.subject_keys import AsyncSubjectKeys
    from token_core.storage.database import Connection, Database

_FIND_ACCOUNT = """
SELECT u.id, u.status = 'active', p.hash, d.id, u.credentials_changed_at
FROM users u
LEFT JOIN password_credentials p ON p.user_id = u.id
LEFT JOIN device_credentials d ON d.user_id = u.id AND d.id = ANY(%s) AND d.secret_hash = ANY(%s)
WHERE u.email_canonical = %s
LIMIT 1
"""
_FIND_SESSION = f"""
SELECT s.id, s.user_id, u.email, s.secret_hash, s.device_id, s.authenticated_at, s.amr, s.acr, s.last_seen_at
FROM sign_in_sessions s JOIN users u ON u.id = s.user_id AND u.status = 'active'
WHERE s.id = %s AND s.ended_at IS NULL AND s.expires_at > %s AND s.last_seen_at > %s AND {is_after_not_before("s.id")}
"""  # noqa: S608 - of constants
_RESERVE = """
INSERT INTO guess_budgets AS b (key, window_start, used) VALUES (%s, %s, 1)
ON CONFLICT (key, window_start) DO UPDATE SET used = b.used + 1 WHERE b.used < %s
RETURNING used
"""
_GIVE_BACK = "UPDATE guess_budgets SET used = used - 1 WHERE key = %s AND window_start = %s AND used > 0"
_LOOK_AT_LINK = """
SELECT CASE
    WHEN e.link_spent_at IS NOT NULL THEN 'spent'
    WHEN e.link_void_at IS NOT NULL OR u.status <> 'active' THEN 'void'
    WHEN e.created_at < u.credentials_changed_at AND e.link_purpose <> 'undo_email_change' THEN 'void'
    WHEN e.link_expires_at <= %s THEN 'expired'
    ELSE 'live' END, e.user_id, u.email
FROM email_log e JOIN users u ON u.id = e.user_id
WHERE e.id = %s AND e.link_purpose = %s
"""
_SPEND_LINK = """
UPDATE email_log e SET link_spent_at = %(now)s
FROM users u
WHERE e.id = %(id)s AND e.link_purpose = %(purpose)s AND e.link_spent_at IS NULL AND e.link_void_at IS NULL
  AND e.link_expires_at > %(now)s
  AND u.id = e.user_id AND u.status = 'active'
  AND (u.credentials_changed_at IS NULL OR e.created_at >= u.credentials_changed_at
       OR e.link_purpose = 'undo_email_change')
RETURNING e.user_id
"""
_INSERT_SESSION = """
INSERT INTO sign_in_sessions (id, user_id, secret_hash, device_id, authenticated_at, amr, last_seen_at, expires_at,
                              subject_key_id, personal)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_LOCK_UNCHANGED = """
SELECT 1 FROM users WHERE id = %s AND status = 'active' AND credentials_changed_at IS NOT DISTINCT FROM %s FOR SHARE
"""
_REVOKE_ONLINE_FAMILIES = """
UPDATE refresh_families SET revoked_at = %s, revoke_reason = %s
WHERE session_id = %s AND revoked_at IS NULL AND NOT 'offline_access' = ANY(scopes)
RETURNING id
"""
_QUEUE_MAIL = """
INSERT INTO email_log (id, user_id, template, parameters, request_id, link_purpose, link_expires_at, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_WRITE_HASH = """
WITH earlier AS (SELECT FROM password_credentials WHERE user_id = %(user)s)
INSERT INTO password_credentials (user_id, hash, changed_at) VALUES (%(user)s, %(hash)s, %(now)s)
ON CONFLICT (user_id) DO UPDATE SET hash = EXCLUDED.hash, changed_at = EXCLUDED.changed_at
RETURNING EXISTS (SELECT FROM earlier)
"""
_INSERT_DEVICE = """
INSERT INTO device_credentials (id, user_id, secret_hash, created_at, last_used_at) VALUES (%s, %s, %s, %s, %s)
"""
_VERIFY_EMAIL = """
UPDATE users SET email_verified_at = %s, updated_at = %s, version = version + 1
WHERE id = %s AND email_verified_at IS NULL
"""
_GRANT_CONSENT = """
INSERT INTO consents AS c (user_id, client_id, scopes, granted_at, updated_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (user_id, client_id) DO UPDATE
SET scopes = ARRAY(SELECT DISTINCT unnest(c.scopes || EXCLUDED.scopes) ORDER BY 1), updated_at = EXCLUDED.updated_at
"""


class PostgresSignIn:
    """The `SignInStore`."""

    def __init__(self, database: Database, subject_keys: AsyncSubjectKeys, outbox_shards: int) -> None:
        self._database, self._subject_keys, self._outbox_shards = database, subject_keys, outbox_shards

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator[PostgresSignInTransaction]:
        async with self._database.transaction() as connection:
            yield PostgresSignInTransaction(connection, self._subject_keys, self._outbox_shards, now)

    async def find_account(
        self, email_canonical: str, device_ids: Sequence[uuid.UUID], device_hashes: Sequence[bytes]
    ) -> Account | None:
        row = await self._database.read_one(_FIND_ACCOUNT, (list(device_ids), list(device_hashes), email_canonical))
        return None if row is None else Account(*row)

    async def find_session(self, session_id: uuid.UUID, now: datetime, idle_since: datetime) -> CurrentSession | None:
        row = await self._database.read_one(_FIND_SESSION, (session_id, now, idle_since))
        if row is None:
            return None
        identifier, user_id, email, secret_hash, device_id, authenticated_at, amr, acr, last_seen_at = row
        return CurrentSession(
            identifier, user_id, email, bytes(secret_hash), device_id, authenticated_at, tuple(amr), acr, last_seen_at
        )

    async def touch_session(self, session_id: uuid.UUID, now: datetime) -> None:
        await self._database.execute("UPDATE sign_in_sessions SET last_seen_at = %s WHERE id = %s", (now, session_id))

    async def reserve(self, key: bytes, window_start: datetime, limit: int) -> bool:
        return await self._database.fetch_one(_RESERVE, (key, window_start, limit)) is not None

    async def give_back(self, key: bytes, window_start: datetime) -> None:
        await self._database.execute(_GIVE_BACK, (key, window_start))

    async def consented_scopes(self, user_id: uuid.UUID, client_row: uuid.UUID) -> frozenset[str]:
        sql = "SELECT scopes FROM consents WHERE user_id = %s AND client_id = %s"
        row = await self._database.read_one(sql, (user_id, client_row))
        return frozenset(row[0]) if row else frozenset()

    async def look_at_link(self, email_id: uuid.UUID, purpose: str, now: datetime) -> Link:
        row = await self._database.read_one(_LOOK_AT_LINK, (now, email_id, purpose))
        return Link(LinkState.UNKNOWN, None, None) if row is None else Link(LinkState(row[0]), row[1], row[2])


class PostgresSignInTransaction:
    """The `SignInTransaction`."""

    def __init__(self, connection: Connection, subject_keys: AsyncSubjectKeys, shards: int, now: datetime) -> None:
        self._connection, self._subject_keys, self._shards, self._now = connection, subject_keys, shards, now

    async def record(
        self,
        event_type: EventType,
        payload: Payload,
        *,
        subject: str,
        actor: str,
        client_id: str | None = None,
        session_id: uuid.UUID | None = None,
        origin: Personal | None = None,
    ) -> None:
        event = build_event(
            event_type,
            payload=payload,
            subject=subject,
            actor=actor,
            now=self._now,
            event_id=new_id(),
            request_id=request_id.get(),
            client_id=client_id,
            session_id=session_id,
            personal=origin,
            cipher=None if origin is None else await self._cipher(subject),
        )
        await insert_events_async(self._connection, [event], self._shards)

    async def insert_session(self, session: NewSession, origin: Origin) -> None:
        cipher = await self._cipher(str(session.user_id))
        personal = origin.model_dump_json(exclude_none=True).encode()
        await self._connection.execute(
            _INSERT_SESSION,
            (
                session.id, session.user_id, session.secret_hash, session.device_id, session.authenticated_at,
                list(session.amr), session.authenticated_at, session.expires_at,
                cipher.key_id if cipher else None, cipher.encrypt(str(session.id), personal) if cipher else None,
            ),
        )  # fmt: skip

    async def end_session(self, session_id: uuid.UUID, reason: str) -> bool:
        sql = "UPDATE sign_in_sessions SET ended_at = %s, end_reason = %s WHERE id = %s AND ended_at IS NULL"
        return (await self._connection.execute(sql, (self._now, reason, session_id))).rowcount == 1

    async def revoke_online_families(self, session_id: uuid.UUID, reason: str) -> Sequence[uuid.UUID]:
        rows = await self._connection.execute(_REVOKE_ONLINE_FAMILIES, (self._now, reason, session_id))
        return [row[0] for row in await rows.fetchall()]

    async def insert_device(self, device_id: uuid.UUID, user_id: uuid.UUID, secret_hash: bytes) -> None:
        await self._connection.execute(_INSERT_DEVICE, (device_id, user_id, secret_hash, self._now, self._now))

    async def touch_device(self, device_id: uuid.UUID) -> None:
        sql = "UPDATE device_credentials SET last_used_at = %s WHERE id = %s"
        await self._connection.execute(sql, (self._now, device_id))

    async def lock_active_user(self, user_id: uuid.UUID) -> bool:
        sql = "SELECT 1 FROM users WHERE id = %s AND status = 'active' FOR UPDATE"
        return await (await self._connection.execute(sql, (user_id,))).fetchone() is not None

    async def lock_unchanged(self, account: Account) -> bool:
        values = (account.user_id, account.credentials_changed_at)
        return await (await self._connection.execute(_LOCK_UNCHANGED, values)).fetchone() is not None

    async def set_password(self, user_id: uuid.UUID, password_hash: str) -> bool:
        values = {"user": user_id, "hash": password_hash, "now": self._now}
        row = await (await self._connection.execute(_WRITE_HASH, values)).fetchone()
        await self._connection.execute(
            "UPDATE users SET credentials_changed_at = %s, updated_at = %s, version = version + 1 WHERE id = %s",
            (self._now, self._now, user_id),
        )
        await note_change_async(self._connection, "user", str(user_id))
        return row is not None and bool(row[0])

    async def renew_hash(self, user_id: uuid.UUID, old_hash: str, new_hash: str) -> bool:
        sql = "UPDATE password_credentials SET hash = %s WHERE user_id = %s AND hash = %s"
        return (await self._connection.execute(sql, (new_hash, user_id, old_hash))).rowcount == 1

    async def spend_link(self, email_id: uuid.UUID, purpose: str) -> uuid.UUID | None:
        values = {"now": self._now, "id": email_id, "purpose": purpose}
        row = await (await self._connection.execute(_SPEND_LINK, values)).fetchone()
        return None if row is None else row[0]

    async def verify_email(self, user_id: uuid.UUID) -> bool:
        changed = (await self._connection.execute(_VERIFY_EMAIL, (self._now, self._now, user_id))).rowcount == 1
        if changed:
            await note_change_async(self._connection, "user", str(user_id))
        return changed

    async def queue_mail(self, mail: NewMail) -> None:
        values = (
            mail.id, mail.user_id, mail.template, json.dumps(mail.parameters), request_id.get(),
            mail.purpose, mail.link_expires_at, self._now,
        )  # fmt: skip
        await self._connection.execute(_QUEUE_MAIL, values)
        payload = EmailRequested(email_id=str(mail.id), template=mail.template)
        await self.record(EventType.EMAIL_REQUESTED, payload, subject=str(mail.user_id), actor=PLATFORM)

    async def end_access(self, user_id: uuid.UUID, reason: str, except_session: uuid.UUID | None = None) -> Ended:
        ended = await end_user_access_async(self._connection, user_id, reason, self._now, except_session)
        return Ended(ended.session_ids, ended.family_ids)

    async def grant_consent(self, user_id: uuid.UUID, client_row: uuid.UUID, scopes: Iterable[str]) -> None:
        values = (user_id, client_row, sorted(scopes), self._now, self._now)
        await self._connection.execute(_GRANT_CONSENT, values)

    async def _cipher(self, subject: str) -> PersonalCipher | None:
        """The subject's key, made in this transaction if need be; None once it was erased."""
        try:
            return await self._subject_keys.get_or_create(self._connection, subject)
        except (BotoCoreError, ClientError) as error:
            raise TemporarilyUnavailable(detail="kms_failed") from error
