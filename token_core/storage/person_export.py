"""All that Postgres has of a person, for the person: their right to a copy (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString

from shared.aead import UnsealError
from shared.subject_keys import decrypt_personal

if TYPE_CHECKING:
    from shared.subject_keys import SubjectKey
    from token_core.storage.database import Connection

MAX_EVENTS = 10_000  # the latest; older ones are in the audit lake
_PERSON = """
SELECT id, email, email_verified_at, external_id, profile, status, created_at, updated_at FROM users WHERE id = %(user)s
"""
_LISTS: dict[str, LiteralString] = {
    "roles": """
SELECT r.name, r.description, b.granted_at FROM role_bindings b JOIN roles r ON r.id = b.role_id
WHERE b.user_id = %(user)s ORDER BY r.name""",
    "sessions": """
SELECT id, authenticated_at, amr, last_seen_at, expires_at, subject_key_id, personal
FROM sign_in_sessions WHERE user_id = %(user)s AND ended_at IS NULL ORDER BY id DESC""",
    "devices": "SELECT id, created_at, last_used_at FROM device_credentials WHERE user_id = %(user)s ORDER BY id",
    "consents": """
SELECT c.client_id, c.name, x.scopes, x.granted_at, x.updated_at FROM consents x JOIN clients c ON c.id = x.client_id
WHERE x.user_id = %(user)s ORDER BY x.granted_at""",
    "long_lived_access": """
SELECT c.client_id, c.name, f.scopes, f.created_at, f.rotated_at AS last_used_at, f.expires_at
FROM refresh_families f JOIN clients c ON c.id = f.client_id
WHERE f.user_id = %(user)s AND f.revoked_at IS NULL ORDER BY f.id DESC""",
    "mails": """
SELECT id, template, state, created_at, sent_at FROM email_log WHERE user_id = %(user)s ORDER BY id DESC""",
    "email_changes": """
SELECT id, old_email, new_email, created_at, completed_at, undone_at FROM email_changes
WHERE user_id = %(user)s ORDER BY id DESC""",
}
# Postgres keeps no index of subjects, which every token would pay for: one look through the outbox.
_EVENTS = """
SELECT envelope FROM outbox WHERE position(%(subject)s IN envelope) > 0 ORDER BY id DESC LIMIT %(most)s
"""


async def read_everything(connection: Connection, key: SubjectKey | None, user_id: uuid.UUID) -> dict[str, Any]:
    """All but the events. What ended is in those: here stand the sessions and the access that are open."""
    values = {"user": user_id}
    (person,) = await _rows(connection, _PERSON, values)
    found: dict[str, Any] = {"person": person}
    for name, sql in _LISTS.items():
        found[name] = [_opened(key, row) for row in await _rows(connection, sql, values)]
    return found


async def read_events(connection: Connection, key: SubjectKey | None, user_id: uuid.UUID) -> list[dict[str, Any]]:
    """The latest events about the person, decrypted."""
    values = {"subject": str(user_id), "most": MAX_EVENTS}
    events = [json.loads(row["envelope"]) for row in await _rows(connection, _EVENTS, values)]
    return [_event(key, event) for event in events if event["subject"] == str(user_id)]


async def _rows(connection: Connection, sql: LiteralString, values: dict[str, Any]) -> list[dict[str, Any]]:
    cursor = await connection.execute(sql, values)
    names = [column.name for column in cursor.description or ()]
    return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in await cursor.fetchall()]


def _plain(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _opened(key: SubjectKey | None, row: dict[str, Any]) -> dict[str, Any]:
    if "personal" not in row:
        return row
    personal, key_id = row.pop("personal"), row.pop("subject_key_id")
    return row | _decrypted(key, key_id, row["id"], personal)


def _event(key: SubjectKey | None, event: dict[str, Any]) -> dict[str, Any]:
    shown = {name: event[name] for name in ("event_id", "type", "occurred_at", "actor", "client_id", "session_id")}
    personal = _decrypted(key, event["subject_key_id"], event["event_id"], event["personal"])
    return shown | {"payload": json.loads(event["payload"]), "personal": personal or None}


def _decrypted(key: SubjectKey | None, key_id: str | None, name: str, personal: str | None) -> dict[str, Any]:
    if key is None or personal is None or key_id != key.key_id:
        return {}
    try:
        return decrypt_personal(key, name, personal)
    except UnsealError:
        return {}
