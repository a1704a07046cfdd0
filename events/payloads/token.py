"""Tokens: issued, denied, revoked, and refresh tokens used twice."""

from __future__ import annotations

from typing import Literal

from events.payloads.fields import Code, Failure, Id, KeyedHash, Name, Names, Payload, ScopeText, Success


class TokenIssued(Payload):
    """An access token (and, with a family, a refresh token) left, or was about to."""

    grant_type: Name
    jti: Id
    audience: Names
    scope: ScopeText
    expires_at: int  # of the access token; NumericDate
    family_id: Id | None = None
    generation: int | None = None
    outcome: Success = "success"
    reason: Code | None = None


class TokenDenied(Payload):
    grant_type: Name | None  # None: it was not one of ours
    reason: Code
    outcome: Failure = "failure"
    client_hint: KeyedHash | None = None  # of a client id that nobody has
    address_hash: KeyedHash | None = None


class TokenRevoked(Payload):
    token_type: Literal["access_token", "refresh_token"]
    jti: Id | None = None
    family_id: Id | None = None
    reason: Code
    outcome: Success = "success"


class RefreshTokenReused(Payload):
    """A spent refresh token came back: its family is revoked (RFC 9700 4.14.2)."""

    family_id: Id
    generation: int
    reason: Code = "reused"
    outcome: Failure = "failure"
