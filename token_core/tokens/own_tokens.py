"""Access tokens of ours that come back to us: genuine, in time, and for the issuer it says."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from token_core.tokens import jws
from token_core.tokens.keys import UnknownToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_core.tokens.keys import KeyRing


@dataclass(frozen=True, slots=True)
class OwnToken:
    """A genuine access token. Whether it still stands, Postgres says (storage/postgres_standing.py)."""

    claims: Mapping[str, Any]
    jti: uuid.UUID
    client_id: str
    audience: tuple[str, ...]
    scopes: tuple[str, ...]
    expires_at: int
    user_id: uuid.UUID | None  # None where the subject is a client
    session_id: uuid.UUID | None
    grant_id: uuid.UUID | None


def read_access_token(keys: KeyRing, issuer: str, token: str, now: int) -> OwnToken:
    """The token.

    Raises:
        UnknownToken: it isn't ours, isn't an access token, or has expired.
    """
    claims = keys.verify(jws.ACCESS_TOKEN, token)
    if claims["iss"] != issuer or claims["exp"] <= now:
        raise UnknownToken
    audience, subject = claims["aud"], claims["sub"]
    return OwnToken(
        claims=claims, jti=uuid.UUID(claims["jti"]), client_id=claims["client_id"],
        audience=(audience,) if isinstance(audience, str) else tuple(audience),
        scopes=tuple(claims["scope"].split(" ")), expires_at=claims["exp"],
        user_id=None if subject.startswith("client:") else uuid.UUID(subject),
        session_id=uuid.UUID(claims["sid"]) if "sid" in claims else None,
        grant_id=uuid.UUID(claims["grant_id"]) if "grant_id" in claims else None,
    )  # fmt: skip
