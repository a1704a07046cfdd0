"""What concerns everybody at once: the first administrator, and signing out by not-before."""

from __future__ import annotations

from events.payloads.fields import Code, Id, Name, Payload, Success


class AccessEnded(Payload):
    """What was issued before `not_before` counts no more at the platform's own endpoints."""

    not_before: Name  # RFC 3339
    reason: Code = "ended_by_administrator"
    outcome: Success = "success"


class UserAccessEnded(AccessEnded):
    pass


class ClientAccessEnded(AccessEnded):
    pass


class PlatformAccessEnded(AccessEnded):
    pass


class PlatformBootstrapped(Payload):
    """The one-time bootstrap made this user the first administrator, and closed."""

    user_id: Id
    role: Name
    client_id: Id
    outcome: Success = "success"
