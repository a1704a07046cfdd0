"""A mail's state only goes forward (sent, delivered, bounced, complained), whatever order SES's events come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.envelope import PLATFORM
from events.payloads.email import EmailBounced, EmailComplained, EmailDelivered, EmailFailed, EmailSent
from events.record import build_event
from events.types import EventType
from shared.database.outbox import insert_events
from shared.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from events.payloads.fields import Payload
    from functions.record_email_feedback.feedback import Feedback

_RANK = {
    "queued": 0,
    "handed_over": 0,
    "sending": 0,
    "failed": 1,
    "sent": 1,
    "delivered": 2,
    "bounced": 3,
    "complained": 4,
}
_FIND = "SELECT state, template, user_id, request_id FROM email_log WHERE id = %s FOR UPDATE"
_UPDATE = """
UPDATE email_log SET state = %s, detail = coalesce(%s, detail), feedback_at = %s,
                     ses_message_id = coalesce(ses_message_id, %s),
                     sent_at = CASE WHEN %s THEN coalesce(sent_at, %s) ELSE sent_at END
WHERE id = %s
"""


def record_feedback(connection: Connection[Any], feedback: Feedback, now: datetime, outbox_shards: int = 1) -> bool:
    """Write it, with the events that it makes true. Whether it said anything new.

    That SES knows of a mail means that it took it: a mail whose send had no known outcome is `sent` from here on.
    """
    with connection.transaction():
        row = connection.execute(_FIND, (feedback.email_id,)).fetchone()
        if row is None:
            return False
        state, template, user_id, request_id = row
        if _RANK[feedback.state] <= _RANK[state]:
            return False
        was_unsent = _RANK[state] < _RANK["sent"]
        connection.execute(
            _UPDATE,
            (
                feedback.state,
                feedback.reason,
                now,
                feedback.ses_message_id,
                feedback.state != "failed",
                now,
                feedback.email_id,
            ),
        )
        events = [
            build_event(
                event_type,
                payload=payload,
                subject=str(user_id),
                actor=PLATFORM,
                now=now,
                event_id=new_id(),
                request_id=request_id,
            )
            for event_type, payload in _events(feedback, template, was_unsent=was_unsent)
        ]
        insert_events(connection, events, outbox_shards)
    return True


def _events(feedback: Feedback, template: str, *, was_unsent: bool) -> list[tuple[EventType, Payload]]:
    email_id, reason = str(feedback.email_id), feedback.reason or "unspecified"
    events: list[tuple[EventType, Payload]] = []
    if was_unsent and feedback.state != "failed":
        sent = EmailSent(email_id=email_id, template=template, ses_message_id=feedback.ses_message_id)
        events.append((EventType.EMAIL_SENT, sent))
    match feedback.state:
        case "delivered":
            events.append((EventType.EMAIL_DELIVERED, EmailDelivered(email_id=email_id)))
        case "bounced":
            events.append((EventType.EMAIL_BOUNCED, EmailBounced(email_id=email_id, reason=reason)))
        case "complained":
            events.append((EventType.EMAIL_COMPLAINED, EmailComplained(email_id=email_id, reason=reason)))
        case "failed":
            failed = EmailFailed(email_id=email_id, reason=reason, template=template)
            events.append((EventType.EMAIL_FAILED, failed))
    return events
