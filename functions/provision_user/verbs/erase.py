"""user.erase: what tells who the person was goes, and the key to what the audit log holds of them. The id stays.

Erasing again is the same as erasing once, also by the reference that the person had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.commands import ByExternalId
from events.payloads.user import UserErased
from events.types import EventType
from functions.provision_user.users import require_user
from functions.provision_user.verbs.access import end_access
from shared.pseudonyms import identifier_hash

if TYPE_CHECKING:
    from uuid import UUID

    from events.commands import UserEraseCommand
    from functions.provision_user.policy import Policy
    from functions.provision_user.users import User
    from functions.provision_user.work import Work

_EMPTY = """
UPDATE users SET email = NULL, email_canonical = NULL, email_verified_at = NULL, external_id = NULL, profile = '{}',
                 status = 'erased', updated_at = %s, version = version + 1
WHERE id = %s
"""
_DELETE = (
    "DELETE FROM password_credentials WHERE user_id = %s",
    "DELETE FROM consents WHERE user_id = %s",
    "DELETE FROM device_credentials WHERE user_id = %s",
    "DELETE FROM role_bindings WHERE user_id = %s",
    "DELETE FROM email_changes WHERE user_id = %s",
)
_ERASED_BEFORE = """
SELECT user_id FROM inbox WHERE group_key = %s AND type = 'user.erase' AND state = 'applied'
ORDER BY received_at DESC LIMIT 1
"""
# What is kept of this person's commands: that they came and what became of them, under a name that says nothing.
_FORGET_PARKED = """
UPDATE parked_commands SET body = '', group_key = %s WHERE group_key = ANY(%s) AND state IN ('redriven', 'dismissed')
"""
_FORGET_COMMANDS = """
UPDATE inbox SET group_key = %s, result = result - 'body'
WHERE group_key = ANY(%s) AND state NOT IN ('parked', 'waiting')
"""


def erase(work: Work, command: UserEraseCommand, user: User | None, _: Policy) -> UUID:
    if user is None and (erased_id := _erased_before(work, command)) is not None:
        return erased_id
    if user is not None and user.status == "erased":
        return user.id
    user = require_user(user)
    end_access(work, user.id, "user_erased")
    work.write(_EMPTY, work.now, user.id)
    for statement in _DELETE:
        work.write(statement, user.id)
    subject = str(user.id)
    destroyed = work.services.subject_keys.erase(work.connection, subject, work.now)
    work.record(EventType.USER_ERASED, UserErased(subject_key_id=destroyed), subject=subject)
    forgotten = _forgotten_name(work, user.external_id) if user.external_id else subject
    work.write_last(_FORGET_PARKED, forgotten, user.references)
    work.write_last(_FORGET_COMMANDS, forgotten, user.references)
    work.user_changed(user.id)
    return user.id


def _forgotten_name(work: Work, external_id: str) -> str:
    return f"erased:{identifier_hash(work.services.pseudonym_key, external_id)}"


def _erased_before(work: Work, command: UserEraseCommand) -> UUID | None:
    if not isinstance(command.user, ByExternalId):
        return None
    row = work.connection.execute(_ERASED_BEFORE, (_forgotten_name(work, command.user.external_id),)).fetchone()
    return None if row is None else row[0]
