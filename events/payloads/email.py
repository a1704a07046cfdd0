"""Mails, from the request to what the receiving side said. Addresses stand in the user's own events only."""

from __future__ import annotations

from events.payloads.fields import Code, Failure, Id, Name, Payload, Success


class EmailRequested(Payload):
    email_id: Id
    template: Name
    outcome: Success = "success"


class EmailSent(Payload):
    email_id: Id
    template: Name
    ses_message_id: Id
    outcome: Success = "success"


class EmailFailed(Payload):
    email_id: Id
    reason: Code
    template: Name | None = None
    outcome: Failure = "failure"


class EmailDelivered(Payload):
    email_id: Id
    outcome: Success = "success"


class EmailBounced(Payload):
    email_id: Id
    reason: Code
    outcome: Failure = "failure"


class EmailComplained(Payload):
    email_id: Id
    reason: Code
    outcome: Failure = "failure"
