"""Verifying an access token locally (RFC 9068 section 4)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from resource_server.jwks import JwksCache

MAX_TOKEN_CHARACTERS = 16_384
_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "jti", "client_id")


class InvalidTokenError(Exception):
    """The token is not good here. The message is for logs: the caller learns only `invalid_token`."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified token: every field is proved by the issuer's signature."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    permissions: frozenset[str]
    roles: frozenset[str]
    session_id: str | None
    jti: str
    expires_at: int  # seconds since 1970
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class AccessTokenVerifier:
    """Checks tokens of one issuer for one audience.

    Args:
        issuer: the `iss` that is trusted, from configuration.
        audience: this API's name in `aud`.
        algorithms: what may have signed; a token's own `alg` only chooses among them.
        leeway_seconds: how far clocks may be apart.
        now: seconds since 1970.
    """

    issuer: str
    audience: str
    keys: JwksCache
    algorithms: tuple[str, ...] = ("ES256",)
    leeway_seconds: int = 5
    now: Callable[[], float] = time.time

    async def verify(self, unverified_token: str) -> AccessToken:
        """Return what the token says.

        Raises:
            InvalidTokenError: it is malformed, not signed by the issuer, not for this audience, or expired.
            KeysUnavailableError: it can't be told, because the issuer's keys can't be had.
        """
        if len(unverified_token) > MAX_TOKEN_CHARACTERS:
            raise InvalidTokenError("too long")
        unverified_header = _header(unverified_token)
        key = await self.keys.key(unverified_header["kid"])
        if key is None:
            raise InvalidTokenError("unknown kid")
        if key.algorithm_name != unverified_header["alg"]:
            raise InvalidTokenError("the key is for another algorithm")  # RFC 8725 section 3.1
        try:
            claims = jwt.decode(
                unverified_token,
                key,
                algorithms=list(self.algorithms),
                issuer=self.issuer,
                audience=self.audience,
                # the times are checked below, on this verifier's own clock
                options={"require": list(_REQUIRED), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise InvalidTokenError(f"{type(error).__name__}") from error
        return self._accept(claims)

    def _accept(self, claims: dict[str, Any]) -> AccessToken:
        now = self.now()
        if not _is_number(claims["exp"]) or claims["exp"] <= now - self.leeway_seconds:
            raise InvalidTokenError("expired")
        for name in ("iat", "nbf"):
            if name in claims and (not _is_number(claims[name]) or claims[name] > now + self.leeway_seconds):
                raise InvalidTokenError(f"{name} is in the future")
        return read_claims(claims)


def read_claims(claims: dict[str, Any]) -> AccessToken:
    """The token that proved claims describe, wherever the proof came from.

    Raises:
        InvalidTokenError: a claim is missing or has the wrong type.
    """
    if not all(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "jti", "client_id")):
        raise InvalidTokenError("a claim has the wrong type")
    if not _is_number(claims.get("exp")):
        raise InvalidTokenError("a claim has the wrong type")
    scope = claims.get("scope", "")
    sid = claims.get("sid")
    if not isinstance(scope, str) or not (sid is None or isinstance(sid, str)):
        raise InvalidTokenError("a claim has the wrong type")
    return AccessToken(
        subject=claims["sub"],
        client_id=claims["client_id"],
        scopes=frozenset(scope.split()),
        permissions=_names(claims, "permissions"),
        roles=_names(claims, "roles"),
        session_id=sid,
        jti=claims["jti"],
        expires_at=int(claims["exp"]),
        claims=claims,
    )


def _header(unverified_token: str) -> dict[str, str]:
    try:
        header = jwt.get_unverified_header(unverified_token)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise InvalidTokenError("malformed") from error
    # RFC 9068 section 4: at+jwt, with or without "application/"; so that an ID token is never taken for one
    typ = header.get("typ")
    if not isinstance(typ, str) or typ.lower() not in {"at+jwt", "application/at+jwt"}:
        raise InvalidTokenError("typ is not at+jwt")
    if "crit" in header:
        raise InvalidTokenError("crit is not understood")  # RFC 7515 section 4.1.11
    if not isinstance(header.get("kid"), str) or not isinstance(header.get("alg"), str):
        raise InvalidTokenError("no kid")
    return {"kid": header["kid"], "alg": header["alg"]}


def _names(claims: dict[str, Any], claim: str) -> frozenset[str]:
    values = claims.get(claim, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidTokenError(f"{claim} has the wrong type")
    return frozenset(values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
