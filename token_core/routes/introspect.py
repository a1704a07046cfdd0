"""RFC 7662: what a token is, told to the API that it is for, or to the client that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.clock import utc_now
from token_core.errors import InvalidClient, InvalidRequest
from token_core.hot import HotRequest, HotResponse, json_response
from token_core.protocol.client_auth import BASIC, POST
from token_core.routes.authenticate import authenticate_client, read_parameters
from token_core.tokens.keys import UnknownToken
from token_core.tokens.own_tokens import read_access_token
from token_core.tokens.refresh_token import PREFIX, read_refresh_token

if TYPE_CHECKING:
    from token_core.authority import ClientRecord
    from token_core.services import Services

AUTH_METHODS = (BASIC, POST)  # RFC 7662 2.1: nobody asks anonymously
_INACTIVE: dict[str, Any] = {"active": False}


async def introspect(request: HotRequest, services: Services) -> HotResponse:
    """Everything that isn't the caller's to know is `{"active": false}` (RFC 7662 2.2)."""
    parameters = await read_parameters(request)
    client = await authenticate_client(request, parameters, services)
    if client.is_public:
        raise InvalidClient("Introspection needs a client with a secret.", detail="public_client")
    token = parameters.get("token")
    if token is None:
        raise InvalidRequest("token is missing.", detail="no_token")
    if token.startswith(PREFIX):
        return json_response(await _refresh_token(token, client, services))
    return json_response(await _access_token(token, client, services))


async def _access_token(text: str, client: ClientRecord, services: Services) -> dict[str, Any]:
    try:
        token = read_access_token(services.keys, services.settings.issuer, text, int(utc_now().timestamp()))
    except UnknownToken:
        return _INACTIVE
    is_its_api = client.audience is not None and client.audience in token.audience
    if not is_its_api and token.client_id != client.client_id:
        return _INACTIVE
    if not await services.standing.stands(
        token.jti,
        client_id=token.client_id,
        user_id=token.user_id,
        session_id=token.session_id,
        grant_id=token.grant_id,
    ):
        return _INACTIVE
    owner = await services.authority.client(token.client_id)
    if owner is None:  # disabled since
        return _INACTIVE
    answer = {"active": True, "token_type": "Bearer", **token.claims}
    return answer | {"aud": client.audience} if is_its_api and token.client_id != client.client_id else answer


async def _refresh_token(text: str, client: ClientRecord, services: Services) -> dict[str, Any]:
    token = read_refresh_token(services.settings.refresh_token_key.get_secret_value(), text)
    family = None if token is None else await services.families.find(token.family_id)
    if token is None or family is None or family.client_id != client.id:
        return _INACTIVE
    expires_at = min(family.idle_expires_at, family.expires_at)
    if family.revoked_at is not None or family.current_hash != token.hash or expires_at <= utc_now():
        return _INACTIVE
    if await services.authority.user(family.user_id) is None:
        return _INACTIVE
    return {
        "active": True, "iss": services.settings.issuer, "sub": str(family.user_id), "client_id": client.client_id,
        "scope": " ".join(family.scopes), "exp": int(expires_at.timestamp()),
    }  # fmt: skip
