"""RFC 9068: what is inside an access token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

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


_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class AccessTokenContent(NamedTuple):
    """All that decides a token. `grant_id` is its refresh family: revoking that ends the token at our endpoints."""

    issuer: str
    subject: str
    audience: Sequence[str]
    client_id: str
    jti: str
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
            "jti": self.jti,
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

    def to_json(self) -> str:
        """`claims` as JSON text, the times and names last; what many tokens share is encoded once."""
        shared = _shared_claims(
            self.issuer, tuple(self.audience), self.client_id, tuple(self.scopes), tuple(self.roles),
            tuple(self.permissions),
        )  # fmt: skip
        own = f'{shared},"sub":{_dumps(self.subject)},"exp":{self.expires_at},"iat":{self.issued_at},"jti":"{self.jti}"'
        if self.authentication is not None:
            own += "," + _dumps(authentication_claims(self.authentication))[1:-1]
        if self.grant_id is not None:
            own += f',"grant_id":"{self.grant_id}"'
        return own + "}"


@lru_cache(maxsize=4096)
def _shared_claims(
    issuer: str,
    audience: tuple[str, ...],
    client_id: str,
    scopes: tuple[str, ...],
    roles: tuple[str, ...],
    permissions: tuple[str, ...],
) -> str:
    """What all tokens of a client with these grants share. A function of its arguments: nothing to invalidate."""
    claims = {
        "iss": issuer, "aud": audience[0] if len(audience) == 1 else audience, "client_id": client_id,
        "scope": " ".join(scopes), "roles": roles, "permissions": permissions,
    }  # fmt: skip
    return _dumps(claims)[:-1]


def authentication_claims(authentication: Authentication) -> dict[str, Any]:
    """OpenID Connect Core 2; `sid` from OpenID Connect Front-Channel Logout 1.0."""
    claims: dict[str, Any] = {"auth_time": authentication.auth_time, "amr": list(authentication.amr)}
    if authentication.session_id is not None:
        claims["sid"] = str(authentication.session_id)
    if authentication.acr is not None:
        claims["acr"] = authentication.acr
    return claims
