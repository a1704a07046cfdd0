"""Registered clients and their secrets."""

from __future__ import annotations

from typing import Literal

from events.payloads.fields import Code, Id, Names, Payload, Success


class ClientCreated(Payload):
    client_type: Literal["confidential", "public"]
    grant_types: Names
    allowed_scopes: Names
    outcome: Success = "success"


class ClientUpdated(Payload):
    fields: Names
    outcome: Success = "success"


class ClientSecretIssued(Payload):
    client_secret_id: Id
    expires_at: str | None = None  # RFC 3339
    outcome: Success = "success"


class ClientSecretRevoked(Payload):
    client_secret_id: Id
    reason: Code | None = None
    outcome: Success = "success"


class ClientRolesAssigned(Payload):
    roles: Names
    outcome: Success = "success"


class ClientRolesRevoked(Payload):
    roles: Names
    outcome: Success = "success"
