"""People at the hosted pages: sign-ins, sessions, passwords, devices."""

from __future__ import annotations

from typing import Literal

from events.payloads.fields import Code, Failure, Id, KeyedHash, Names, Payload, Success


class SignInSucceeded(Payload):
    amr: Names  # RFC 8176
    device_known: bool
    address_hash: KeyedHash | None = None
    outcome: Success = "success"


class SignInFailed(Payload):
    reason: Code  # bad_credentials, throttled, disabled, ...
    identifier_hash: KeyedHash | None = None
    address_hash: KeyedHash | None = None
    outcome: Failure = "failure"


class SessionEnded(Payload):
    reason: Code
    outcome: Success = "success"


class PasswordSet(Payload):
    by: Literal["link", "change", "rehash", "seed"]
    outcome: Success = "success"


class PasswordResetRequested(Payload):
    """Somebody asked for a reset mail; `identifier_hash` alone where the address is nobody's."""

    address_hash: KeyedHash | None = None
    identifier_hash: KeyedHash | None = None
    outcome: Success = "success"


class EmailVerified(Payload):
    email_id: Id | None = None
    outcome: Success = "success"


class DeviceTrusted(Payload):
    device_id: Id | None = None
    outcome: Success = "success"


class DeviceRemoved(Payload):
    device_id: Id
    reason: Code
    outcome: Success = "success"
