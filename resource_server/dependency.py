"""A dependency for FastAPI and Starlette: `Depends(guard.require(permission="users:read"))`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation

from resource_server.access_token import AccessToken, AccessTokenVerifier, InvalidTokenError
from resource_server.challenge import cannot_tell, insufficient_permission, invalid_request, invalid_token, no_token
from resource_server.jwks import KeysUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True)
class Guard:
    """Lets requests through that carry a token with the permission that a route asks for.

    Args:
        verifier: for one issuer and audience.
        realm: named in challenges (RFC 7235 section 2.2); without quotes or backslashes.
    """

    verifier: AccessTokenVerifier
    realm: str

    async def authenticate(self, request: Request) -> AccessToken:
        """The request's verified token.

        Raises:
            ChallengeError: there is none, or it is not good, or it can't be told.
        """
        credentials = request.headers.getlist("authorization")
        if not credentials:
            raise no_token(self.realm)
        if len(credentials) > 1:
            raise invalid_request(self.realm, "more than one Authorization header")
        scheme, _, unverified_token = credentials[0].partition(" ")
        if scheme.lower() != "bearer":
            raise no_token(self.realm)
        if not unverified_token.strip():
            raise invalid_request(self.realm, "the Authorization header has no token")
        try:
            return await self.verifier.verify(unverified_token.strip())
        except InvalidTokenError as error:
            raise invalid_token(self.realm) from error
        except KeysUnavailableError as error:
            raise cannot_tell() from error

    def require(self, *, permission: str) -> Callable[[Request], Awaitable[AccessToken]]:
        """A dependency that returns the token, if it carries `permission`.

        The dependency raises:
            ChallengeError: 401, 403, 400 or 503; the application renders it.
        """

        async def required(request: Request) -> AccessToken:
            token = await self.authenticate(request)
            if permission not in token.permissions:
                raise insufficient_permission(self.realm, permission)
            return token

        return required
