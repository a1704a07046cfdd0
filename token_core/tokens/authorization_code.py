"""RFC 6749 4.1.2: the authorization code, and what it stands for until it is redeemed or 60 seconds old."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

CODE_PREFIX = "ap_ac_"
CODE_TTL_SECONDS = 60
_RANDOM_BYTES = 32
_TIME_BYTES = 8
_ENCODED_LENGTH = 54  # base64url of 40 bytes, unpadded


class MalformedCode(ValueError):
    """The text was never a code of ours."""


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code grants. Kept in Redis under the code's SHA-256, as JSON, for `CODE_TTL_SECONDS`."""

    client_id: str
    user_id: uuid.UUID
    session_id: uuid.UUID
    redirect_uri: str  # as it was sent; the token request has to repeat it (RFC 6749 4.1.3)
    scopes: tuple[str, ...]
    nonce: str | None
    code_challenge: str | None  # S256; None only for clients exempted by name
    auth_time: int  # seconds since 1970 (OpenID Connect Core 2)
    amr: tuple[str, ...]
    acr: str | None
    issued_at_ms: int  # the same milliseconds as inside the code

    def to_json(self) -> str:
        return json.dumps(
            {
                "client_id": self.client_id,
                "user_id": str(self.user_id),
                "session_id": str(self.session_id),
                "redirect_uri": self.redirect_uri,
                "scopes": list(self.scopes),
                "nonce": self.nonce,
                "code_challenge": self.code_challenge,
                "auth_time": self.auth_time,
                "amr": list(self.amr),
                "acr": self.acr,
                "issued_at_ms": self.issued_at_ms,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> AuthorizationCode:
        fields = json.loads(text)
        return cls(
            client_id=fields["client_id"],
            user_id=uuid.UUID(fields["user_id"]),
            session_id=uuid.UUID(fields["session_id"]),
            redirect_uri=fields["redirect_uri"],
            scopes=tuple(fields["scopes"]),
            nonce=fields["nonce"],
            code_challenge=fields["code_challenge"],
            auth_time=fields["auth_time"],
            amr=tuple(fields["amr"]),
            acr=fields["acr"],
            issued_at_ms=fields["issued_at_ms"],
        )


def make_code(now: datetime) -> str:
    """A fresh code: its millisecond, so that its uniqueness outlives table partitions, and 256 random bits."""
    moment = int(now.timestamp() * 1000).to_bytes(_TIME_BYTES, "big")
    raw = moment + secrets.token_bytes(_RANDOM_BYTES)
    return CODE_PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def code_issued_at_ms(code: str) -> int:
    """Milliseconds since 1970 that the code claims to be from; not proof of anything.

    Raises:
        MalformedCode: the text has not a code's form.
    """
    encoded = code.removeprefix(CODE_PREFIX)
    if len(encoded) != _ENCODED_LENGTH or encoded == code:
        raise MalformedCode
    try:
        raw = base64.b64decode(encoded + "==", altchars=b"-_", validate=True)
    except ValueError as error:
        raise MalformedCode from error
    return int.from_bytes(raw[:_TIME_BYTES], "big")


def code_issued_at(code: str) -> datetime:
    """The same as an instant. Raises `MalformedCode`, also for a time that no clock shows."""
    try:
        return datetime.fromtimestamp(code_issued_at_ms(code) / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise MalformedCode from error


def code_hash(code: str) -> bytes:
    """SHA-256: the only form in which a code is stored."""
    return hashlib.sha256(code.encode()).digest()


def code_name(hashed: bytes) -> str:
    """Names a code in audit events: half of its hash, which finds nothing and redeems nothing."""
    return hashed[:16].hex()
