"""Asking for a mail: a row that the relay hands to the queue, in the transaction of what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from psycopg.types.json import Jsonb

from events.payloads.email import EmailRequested
from events.types import EventType
from shared.database.outbox import inserting_events
from shared.database.steps import Statement
from shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from uuid import UUID

    from shared.database.steps import Steps
    from shared.email_links import LinkPurpose
    from shared.identity.recording import Recording

Template = Literal["welcome", "password_reset", "email_verification", "security_notice"]

_INSERT = (
    "INSERT INTO email_log (id, user_id, template, parameters, request_id, link_purpose, link_expires_at)"
    " VALUES (%(id)s, %(user_id)s, %(template)s, %(parameters)s, %(request_id)s, %(link_purpose)s, %(link_expires_at)s)"
)


def requesting_email(
    recording: Recording,
    user_id: UUID,
    template: Template,
    *,
    link_purpose: LinkPurpose | None = None,
    link_lives: timedelta | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Steps[UUID]:
    """Have a mail sent once the caller's transaction commits. Returns its id; its link's token follows from that.

    Args:
        parameters: for the template; no address and no secret, because the row stays.
    """
    email_id = new_id()
    yield Statement(
        _INSERT,
        {
            "id": email_id,
            "user_id": user_id,
            "template": template,
            "parameters": Jsonb(dict(parameters or {})),
            "request_id": recording.request_id,
            "link_purpose": link_purpose,
            "link_expires_at": None if link_lives is None else recording.now + link_lives,
        },
    )
    requested = EmailRequested(email_id=str(email_id), template=template)
    yield from inserting_events(
        [recording.event(EventType.EMAIL_REQUESTED, requested, str(user_id))], recording.outbox_shards
    )
    return email_id
