"""Verifying an access token by asking its issuer (RFC 7662): a revocation acts at once, for a request each time."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from resource_server.access_token import MAX_TOKEN_CHARACTERS, AccessToken, InvalidTokenError, read_claims
from resource_server.jwks import KeysUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


async def post_form(
    url: str, form: Mapping[str, str], headers: Mapping[str, str], timeout_seconds: float = 3.0
) -> tuple[int, Any]:
    """POST a form. Returns the status and the JSON body. Redirects are not followed.

    Raises:
        KeysUnavailableError: no answer, or one that isn't JSON.
    """
    import httpx  # noqa: PLC0415 - a quarter of a second that a cold start need not wait for

    try:
        async with httpx.AsyncClient(timeout=timeout_seconds, follow_redirects=False) as client:
            response = await client.post(url, data=dict(form), headers=dict(headers))
            return response.status_code, response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise KeysUnavailableError(f"{url}: {type(error).__name__}") from error


@dataclass(frozen=True)
class IntrospectingVerifier:
    """Checks tokens of one issuer for one audience, as `AccessTokenVerifier` does, but by asking.

    Args:
        endpoint: the issuer's introspection endpoint, from configuration.
        client_id, client_secret: this API's own, registered with the audience.
        post: how a form is posted.
    """

    issuer: str
    audience: str
    endpoint: str
    client_id: str
    client_secret: str = field(repr=False)
    post: Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[tuple[int, Any]]] = post_form

    async def verify(self, unverified_token: str) -> AccessToken:
        """Return what the issuer says of the token.

        Raises:
            InvalidTokenError: it isn't active, or not for this audience.
            KeysUnavailableError: it can't be told: the issuer gave no answer, or didn't take this API's credentials.
        """
        if len(unverified_token) > MAX_TOKEN_CHARACTERS:
            raise InvalidTokenError("too long")
        # RFC 6749 section 2.3.1: form-encoded, then Basic
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        headers = {"authorization": f"Basic {b64encode(pair.encode()).decode()}", "accept": "application/json"}
        form = {"token": unverified_token, "token_type_hint": "access_token"}
        status, answer = await self.post(self.endpoint, form, headers)
        if status != 200 or not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
            raise KeysUnavailableError(f"{self.endpoint} answered {status}")
        if not answer["active"]:
            raise InvalidTokenError("not active")
        if str(answer.get("token_type", "Bearer")).lower() != "bearer":
            raise InvalidTokenError("not a bearer token")
        audience = answer.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience
        if not isinstance(audiences, list) or self.audience not in audiences or answer.get("iss") != self.issuer:
            raise InvalidTokenError("of another issuer, or for another audience")
        return read_claims(answer)
