"""OpenID Connect Core 5.3: what a client with the person's permission may know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.clock import utc_now
from shared.identity.scopes import OPENID
from token_core.errors import BearerError, InsufficientScope, InvalidRequest, InvalidToken, MissingToken, OAuthError
from token_core.hot import NO_STORE, HotRequest, HotResponse, json_response
from token_core.protocol import cors
from token_core.protocol.bearer import challenge, read_bearer
from token_core.protocol.claims import claims_for
from token_core.protocol.form import parse_form, require_form
from token_core.tokens.keys import UnknownToken
from token_core.tokens.own_tokens import OwnToken, read_access_token

if TYPE_CHECKING:
    from token_core.services import Services


async def userinfo(request: HotRequest, services: Services) -> HotResponse:
    """GET or POST, the token in the header or in a posted form (RFC 6750 2.1, 2.2)."""
    try:
        return await _userinfo(request, services)
    except (BearerError, InvalidRequest) as error:
        return _refusal(error)


async def _userinfo(request: HotRequest, services: Services) -> HotResponse:
    parameters: dict[str, str] = {}
    body = await request.body() if request.method == "POST" else b""
    if body:
        require_form(request.header(b"content-type"))
        parameters = parse_form(body)
    text = read_bearer(request.header(b"authorization"), parameters)
    token = await _standing_token(text, services)
    client = await services.authority.client(token.client_id)
    if client is None:  # disabled since
        raise InvalidToken(detail="client_inactive")
    origin = request.header(b"origin")
    if origin is not None:
        request.response_headers = cors.response_headers(origin, client.allowed_origins)
    if OPENID not in token.scopes or services.settings.issuer not in token.audience or token.user_id is None:
        raise InsufficientScope
    person = await services.people.find_active(token.user_id)
    if person is None:
        raise InvalidToken(detail="user_inactive")
    known = {**person.profile, "email": person.email, "email_verified": person.email_verified}
    if person.email is None:
        del known["email_verified"]
    return json_response({"sub": str(token.user_id), **claims_for(token.scopes, known)})


async def _standing_token(text: str, services: Services) -> OwnToken:
    try:
        token = read_access_token(services.keys, services.settings.issuer, text, int(utc_now().timestamp()))
    except UnknownToken as error:
        raise InvalidToken from error
    if not await services.standing.stands(
        token.jti,
        client_id=token.client_id,
        user_id=token.user_id,
        session_id=token.session_id,
        grant_id=token.grant_id,
    ):
        raise InvalidToken(detail="token_revoked")
    return token


def _refusal(error: OAuthError) -> HotResponse:
    if isinstance(error, MissingToken):  # RFC 6750 3.1: no error code where there were no credentials
        return HotResponse(error.status, b"", [*NO_STORE, (b"www-authenticate", challenge(None, None))])
    scope = OPENID if isinstance(error, InsufficientScope) else None
    value = challenge(error.error, error.description, scope)
    return json_response(error.body(), error.status, [*NO_STORE, (b"www-authenticate", value)])
