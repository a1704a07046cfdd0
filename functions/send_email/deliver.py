"""The story of a mail: lock, decide, write `sending`, hand to SES, write `sent`.

A mail leaves twice only if all of this comes together: SES took it, this process died (or Postgres went) before `sent`
was committed, and SES's own event of the send did not arrive within `lookup` of that try. The window can't be closed:
SES has no idempotency key. It is as wide as SES's events are late.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from events.envelope import PLATFORM
from events.payloads.email import EmailFailed, EmailSent
from events.record import build_event
from events.types import EventType
from functions.send_email.mail import Mail, find_mail, mark_failed, mark_not_sent, mark_sending, mark_sent
from shared.clock import Clock, utc_now
from shared.database.outbox import insert_events
from shared.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from psycopg import Connection

    from events.payloads.fields import Payload
    from functions.send_email.rendering import Rendered, Renderer


class Delivery(StrEnum):
    """What became of one delivery of a message."""

    SENT = "sent"
    DONE_BEFORE = "done_before"
    FAILED = "failed"


class RetryLaterError(Exception):
    """The queue has to bring the message back. The message says why, without an address."""


class UnknownMailError(RetryLaterError):
    """No such mail: after its retries the message stays in the dead-letter queue, to be looked at."""


class PermanentSendError(Exception):
    """SES will never take this mail. `reason` is an event's code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotSentError(Exception):
    """SES certainly did not take the mail, but may later."""


class Sender(Protocol):
    """Hands a mail to SES.

    `send` returns SES's message id. It raises PermanentSendError, NotSentError, or else: the outcome is unknown.
    """

    def send(self, mail: Mail, rendered: Rendered) -> str: ...


@dataclass(frozen=True)
class Services:
    """The collaborators of `deliver`.

    Args:
        lookup: how long SES's events may take to tell of a send whose outcome is unknown.
    """

    renderer: Renderer
    sender: Sender
    lookup: timedelta
    outbox_shards: int = 1
    now: Clock = utc_now


def deliver(connection: Connection[Any], services: Services, email_id: UUID) -> Delivery:
    """Send a mail, unless it was sent or should not be.

    Raises:
        RetryLaterError: it could not be sent now, or it can't be told yet whether it was.
        psycopg.OperationalError: Postgres is down.
    """
    mail = _begin(connection, services, email_id)
    if not isinstance(mail, Mail):
        return mail
    rendered = services.renderer.render(mail)
    try:
        ses_message_id = services.sender.send(mail, rendered)
    except PermanentSendError as error:
        with connection.transaction():
            _fail(connection, services, mail, error.reason)
        return Delivery.FAILED
    except NotSentError as error:
        with connection.transaction():
            mark_not_sent(connection, mail.id, str(error))
        raise RetryLaterError(f"SES did not take the mail: {error}") from error
    now = services.now()
    with connection.transaction():
        if mark_sent(connection, mail.id, ses_message_id, now):
            payload = EmailSent(email_id=str(mail.id), template=mail.template, ses_message_id=ses_message_id)
            _record(connection, services, mail, EventType.EMAIL_SENT, payload, now)
    return Delivery.SENT


def _begin(connection: Connection[Any], services: Services, email_id: UUID) -> Mail | Delivery:
    now = services.now()
    with connection.transaction():
        mail = find_mail(connection, email_id)
        if mail is None:
            raise UnknownMailError("no such mail")
        if mail.state not in ("queued", "handed_over", "sending"):
            return Delivery.DONE_BEFORE
        if mail.state == "sending" and mail.sending_at is not None and now < mail.sending_at + services.lookup:
            raise RetryLaterError("an earlier try has no known outcome: SES's events are waited for")
        reason = mail.reason_not_to_send(now)
        if reason is None and not services.renderer.knows(mail.template):
            reason = "template_unknown"
        if reason is not None:
            _fail(connection, services, mail, reason)
            return Delivery.FAILED
        mark_sending(connection, mail.id, now)
    return mail


def _fail(connection: Connection[Any], services: Services, mail: Mail, reason: str) -> None:
    if mark_failed(connection, mail.id, reason):
        payload = EmailFailed(email_id=str(mail.id), reason=reason, template=mail.template)
        _record(connection, services, mail, EventType.EMAIL_FAILED, payload, services.now())


def _record(
    connection: Connection[Any],
    services: Services,
    mail: Mail,
    event_type: EventType,
    payload: Payload,
    now: datetime,
) -> None:
    event = build_event(
        event_type,
        payload=payload,
        subject=str(mail.user_id),
        actor=PLATFORM,
        now=now,
        event_id=new_id(),
        request_id=mail.request_id,
    )
    insert_events(connection, [event], services.outbox_shards)
