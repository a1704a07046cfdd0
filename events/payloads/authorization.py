"""The authorization endpoint: codes and consents."""

from __future__ import annotations

from events.payloads.fields import Code, Failure, Id, Name, Names, Payload, ScopeText, Success


class AuthorizationCodeIssued(Payload):
    code_id: Id  # a piece of the code's hash: names it, can't redeem it
    scope: ScopeText
    redirect_uri_host: Name
    outcome: Success = "success"


class AuthorizationCodeReused(Payload):
    family_id: Id | None = None
    code_id: Id | None = None
    reason: Code = "reused"
    outcome: Failure = "failure"


class AuthorizationDenied(Payload):
    reason: Code
    outcome: Failure = "failure"


class ConsentGranted(Payload):
    client_id: Id
    scopes: Names
    outcome: Success = "success"


class ConsentDenied(Payload):
    client_id: Id
    scopes: Names = ()
    reason: Code = "access_denied"
    outcome: Failure = "failure"


class ConsentRevoked(Payload):
    client_id: Id
    outcome: Success = "success"
