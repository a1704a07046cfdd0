"""A mail's row, and its states on the way to SES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection

_FIND = """
SELECT mail.id, mail.user_id, mail.template, mail.parameters, mail.state, mail.request_id, mail.link_purpose,
       mail.link_expires_at, mail.link_spent_at, mail.link_void_at, mail.created_at, mail.sending_at,
       users.status AS user_status, users.profile, users.credentials_changed_at, change.new_email AS wished_email,
       CASE mail.parameters ->> 'to' WHEN 'old' THEN change.old_email WHEN 'new' THEN change.new_email
            ELSE users.email END AS email,
       CASE mail.parameters ->> 'to' WHEN 'old' THEN change.old_email_canonical
            WHEN 'new' THEN change.new_email_canonical ELSE users.email_canonical END AS email_canonical
FROM email_log AS mail LEFT JOIN users ON users.id = mail.user_id
  LEFT JOIN email_changes AS change
    ON change.id = (mail.parameters ->> 'change')::uuid AND change.user_id = mail.user_id
WHERE mail.id = %s FOR UPDATE OF mail
"""
_SENDING = "UPDATE email_log SET state = 'sending', sending_at = %s WHERE id = %s"
_NOT_SENT = (
    "UPDATE email_log SET state = 'handed_over', sending_at = NULL, detail = %s WHERE id = %s AND state = 'sending'"
)
_SENT = "UPDATE email_log SET state = 'sent', ses_message_id = %s, sent_at = %s WHERE id = %s AND state = 'sending'"
_NAME = (
    "UPDATE email_log SET ses_message_id = coalesce(ses_message_id, %s), sent_at = coalesce(sent_at, %s) WHERE id = %s"
)
_FAILED = """
UPDATE email_log SET state = 'failed', detail = %s WHERE id = %s AND state IN ('queued', 'handed_over', 'sending')
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail with the person it goes to, as both are now. Of an e-mail change, one goes to each address."""

    id: UUID
    user_id: UUID
    template: str
    parameters: dict[str, Any]
    state: str
    request_id: str | None
    link_purpose: str | None
    link_expires_at: datetime | None
    link_spent_at: datetime | None
    link_void_at: datetime | None
    created_at: datetime
    sending_at: datetime | None
    user_status: str | None
    email: str | None
    email_canonical: str | None
    profile: dict[str, Any] | None
    credentials_changed_at: datetime | None
    wished_email: str | None = None

    def reason_not_to_send(self, now: datetime) -> str | None:
        """Why nobody should get this mail any more."""
        if self.user_status in (None, "erased") or not self.email or not self.email_canonical:
            return "user_erased"
        if self.user_status != "active":
            return "user_disabled"
        if self.link_purpose is None:
            return None
        if self.link_void_at is not None:
            return "link_void"
        if self.link_spent_at is not None:
            return "link_spent"
        is_undo = self.link_purpose == "undo_email_change"  # outlives a password that a thief sets
        if not is_undo and self.credentials_changed_at is not None and self.created_at < self.credentials_changed_at:
            return "link_void"
        if self.link_expires_at is None or self.link_expires_at <= now:
            return "link_expired"
        return None


def find_mail(connection: Connection[Any], email_id: UUID) -> Mail | None:
    """The mail, locked until the transaction ends."""
    with connection.cursor(row_factory=class_row(Mail)) as cursor:
        return cursor.execute(_FIND, (email_id,)).fetchone()


def mark_sending(connection: Connection[Any], email_id: UUID, now: datetime) -> None:
    """Written, and committed, before SES hears of the mail."""
    connection.execute(_SENDING, (now, email_id))


def mark_not_sent(connection: Connection[Any], email_id: UUID, detail: str) -> None:
    """SES certainly did not take it: the next delivery need not wait."""
    connection.execute(_NOT_SENT, (detail, email_id))


def mark_sent(connection: Connection[Any], email_id: UUID, ses_message_id: str, now: datetime) -> bool:
    """Whether this made it sent; False where SES's own event was faster."""
    if connection.execute(_SENT, (ses_message_id, now, email_id)).rowcount == 1:
        return True
    connection.execute(_NAME, (ses_message_id, now, email_id))
    return False


def mark_failed(connection: Connection[Any], email_id: UUID, reason: str) -> bool:
    """Whether this made it failed."""
    return connection.execute(_FAILED, (reason, email_id)).rowcount == 1
