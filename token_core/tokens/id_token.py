"""OpenID Connect Core 2: what is inside an ID token."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from token_core.tokens.access_token import Authentication, authentication_claims

CLAIMS = ("iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash")
TTL_SECONDS = 300


def half_hash(token: str) -> str:
    """OpenID Connect Core 3.1.3.6: the left half of SHA-256, for ES256 and RS256 alike."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()


def id_token_claims(
    *,
    issuer: str,
    subject: str,
    client_id: str,
    issued_at: int,
    access_token: str,
    authentication: Authentication,
    nonce: str | None,
) -> dict[str, Any]:
    """The payload. After a refresh there is no nonce (Core 12.2)."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "azp": client_id,
        "exp": issued_at + TTL_SECONDS,
        "iat": issued_at,
        "at_hash": half_hash(access_token),
    } | authentication_claims(authentication)
    if nonce is not None:
        claims["nonce"] = nonce
    return claims
