"""RFC 9068: what is inside an access token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Authentication:
    """How and when the person signed in: RFC 9068 2.2.1."""

    session_id: uuid.UUID | None
    auth_time: int  # NumericDate
    amr: Sequence[str]
    acr: str | None


@dataclass(frozen=True, slots=True)
class AccessTokenContent:
    """All that decides a token. `grant_id` is its refresh family: revoking that ends the token at our endpoints."""

    issuer: str
    subject: str
    audience: Sequence[str]
    client_id: str
    jti: uuid.UUID
    issued_at: int
    expires_at: int
    scopes: Sequence[str]
    roles: Sequence[str]
    permissions: Sequence[str]
    authentication: Authentication | None = None
    grant_id: uuid.UUID | None = None

    def claims(self) -> dict[str, Any]:
        """The payload; `aud` is a text where there is one audience."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.audience[0] if len(self.audience) == 1 else list(self.audience),
            "exp": self.expires_at,
            "iat": self.issued_at,
            "jti": str(self.jti),
            "client_id": self.client_id,
            "scope": " ".join(self.scopes),
            "roles": list(self.roles),
            "permissions": list(self.permissions),
        }
        if self.authentication is not None:
            claims |= authentication_claims(self.authentication)
        if self.grant_id is not None:
            claims["grant_id"] = str(self.grant_id)
        return claims


def authentication_claims(authentication: Authentication) -> dict[str, Any]:
    """OpenID Connect Core 2; `sid` from OpenID Connect Front-Channel Logout 1.0."""
    claims: dict[str, Any] = {"auth_time": authentication.auth_time, "amr": list(authentication.amr)}
    if authentication.session_id is not None:
        claims["sid"] = str(authentication.session_id)
    if authentication.acr is not None:
        claims["acr"] = authentication.acr
    return claims
