"""A dependency for FastAPI and Starlette: `Depends(guard.require(permission="users:read"))`, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import JSONResponse

from resource_server.access_token import AccessToken, InvalidTokenError
from resource_server.challenge import ChallengeError, Challenger, cannot_tell
from resource_server.jwks import KeysUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.applications import Starlette


class Verifier(Protocol):
    """`AccessTokenVerifier`, which verifies locally, or `IntrospectingVerifier`, which asks the issuer."""

    async def verify(self, unverified_token: str, /) -> AccessToken: ...


@dataclass(frozen=True)
class Guard:
    """Lets requests through that carry a token with the permission, or the scopes, that a route asks for.

    Args:
        verifier: for one issuer and audience.
        realm: named in challenges (RFC 7235 section 2.2); without quotes or backslashes.
        resource_metadata: `ProtectedResource.url`, named in challenges; none: not named.
    """

    verifier: Verifier
    realm: str
    resource_metadata: str | None = None

    @property
    def challenger(self) -> Challenger:
        return Challenger(self.realm, self.resource_metadata)

    async def authenticate(self, request: Request) -> AccessToken:
        """The request's verified token.

        Raises:
            ChallengeError: there is none, or it is not good, or it can't be told.
        """
        credentials = request.headers.getlist("authorization")
        if not credentials:
            raise self.challenger.no_token()
        if len(credentials) > 1:
            raise self.challenger.invalid_request("more than one Authorization header")
        scheme, _, unverified_token = credentials[0].partition(" ")
        if scheme.lower() != "bearer":
            raise self.challenger.no_token()
        if not unverified_token.strip():
            raise self.challenger.invalid_request("the Authorization header has no token")
        try:
            return await self.verifier.verify(unverified_token.strip())
        except InvalidTokenError as error:
            raise self.challenger.invalid_token() from error
        except KeysUnavailableError as error:
            raise cannot_tell() from error

    def require(
        self, *, permission: str | None = None, scopes: tuple[str, ...] = ()
    ) -> Callable[[Request], Awaitable[AccessToken]]:
        """A dependency that returns the token, if it carries `permission` and all of `scopes`.

        The dependency raises:
            ChallengeError: 401, 403, 400 or 503; the application renders it (`render_challenges`).
        """

        async def required(request: Request) -> AccessToken:
            token = await self.authenticate(request)
            if permission is not None and permission not in token.permissions:
                raise self.challenger.insufficient_permission(permission)
            if not token.scopes.issuperset(scopes):
                raise self.challenger.insufficient_scope(" ".join(scopes))
            return token

        return required


def render_challenges(app: Starlette) -> None:
    """Have `app` answer challenges with their status, `WWW-Authenticate`, and the error as JSON."""

    async def render(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ChallengeError)
        body = {"error": error.error, "error_description": error.description} if error.error else None
        return JSONResponse(body, error.status, headers=error.headers)

    app.add_exception_handler(ChallengeError, render)
