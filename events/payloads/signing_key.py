"""The keys that sign tokens, through their lives (P7)."""

from __future__ import annotations

from typing import Literal

from events.payloads.fields import Code, Id, Payload, Success

Algorithm = Literal["ES256", "RS256"]


class SigningKeyCreated(Payload):
    kid: Id
    algorithm: Algorithm
    outcome: Success = "success"


class SigningKeyActivated(Payload):
    kid: Id
    algorithm: Algorithm
    outcome: Success = "success"


class SigningKeyRetired(Payload):
    kid: Id
    algorithm: Algorithm
    reason: Code = "rotated"
    outcome: Success = "success"
