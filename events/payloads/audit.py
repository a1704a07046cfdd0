"""The audit log about itself."""

from __future__ import annotations

from events.payloads.fields import Code, Failure, Name, Names, Payload, Success


class FailuresCounted(Payload):
    """Failure events over the quota: how many, not which, so that junk can't crowd out successes."""

    type: Name
    reason: Code | None
    count: int
    window_start: str  # RFC 3339
    window_end: str
    outcome: Failure = "failure"


class ProducerStarted(Payload):
    service: Name
    shard: int
    outcome: Success = "success"


class ProducerEnded(Payload):
    reason: Code
    outcome: Success = "success"


class AuditSearched(Payload):
    """Somebody searched the audit log: by which filters, and how many events they saw."""

    filters: Names
    events: int
    outcome: Success = "success"
