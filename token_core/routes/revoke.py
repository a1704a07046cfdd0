"""RFC 7009: a client takes back its own tokens. A refresh token takes its family, and with it its access tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from events.payloads.token import TokenRevoked
from events.record import build_event
from events.types import EventType
from shared.clock import utc_now
from shared.ids import new_id
from token_core.errors import InvalidGrant, InvalidRequest
from token_core.hot import NO_STORE, HotRequest, HotResponse
from token_core.routes.authenticate import authenticate_client, read_parameters
from token_core.tokens.keys import UnknownToken
from token_core.tokens.own_tokens import read_access_token
from token_core.tokens.refresh_token import PREFIX, read_refresh_token

if TYPE_CHECKING:
    from events.envelope import Event
    from token_core.authority import ClientRecord
    from token_core.services import Services

_REASON = "revoked_by_client"


async def revoke(request: HotRequest, services: Services) -> HotResponse:
    """200 for what is revoked, was before, or never was a token (RFC 7009 2.2); another client's is refused (2.1)."""
    parameters = await read_parameters(request)
    client = await authenticate_client(request, parameters, services)
    token = parameters.get("token")
    if token is None:
        raise InvalidRequest("token is missing.", detail="no_token")
    if token.startswith(PREFIX):
        await _revoke_family(token, client, request, services)
    else:
        await _revoke_access_token(token, client, request, services)
    return HotResponse(200, b"", list(NO_STORE))


async def _revoke_family(text: str, client: ClientRecord, request: HotRequest, services: Services) -> None:
    token = read_refresh_token(services.settings.refresh_token_key.get_secret_value(), text)
    family = None if token is None else await services.families.find(token.family_id)
    if family is None or family.revoked_at is not None:
        return
    _require_own(is_own=family.client_id == client.id)
    subject, now = str(family.user_id), utc_now()
    event = _event("refresh_token", subject, client, request, now, family_id=str(family.id))
    await services.families.revoke(family.id, _REASON, now, event, client.id)


async def _revoke_access_token(text: str, client: ClientRecord, request: HotRequest, services: Services) -> None:
    now = utc_now()
    try:
        token = read_access_token(services.keys, services.settings.issuer, text, int(now.timestamp()))
    except UnknownToken:
        return
    _require_own(is_own=token.client_id == client.client_id)
    event = _event("access_token", token.claims["sub"], client, request, now, jti=str(token.jti))
    await services.standing.revoke(token.jti, datetime.fromtimestamp(token.expires_at, UTC), now, event)


def _require_own(*, is_own: bool) -> None:
    if not is_own:
        raise InvalidGrant("The token was issued to another client.", detail="token_of_another_client")


def _event(
    token_type: Literal["access_token", "refresh_token"],
    subject: str,
    client: ClientRecord,
    request: HotRequest,
    now: datetime,
    *,
    jti: str | None = None,
    family_id: str | None = None,
) -> Event:
    payload = TokenRevoked(token_type=token_type, jti=jti, family_id=family_id, reason=_REASON)
    return build_event(
        EventType.TOKEN_REVOKED, payload=payload, subject=subject, actor=f"client:{client.client_id}", now=now,
        event_id=new_id(), request_id=request.request_id, client_id=client.client_id,
    )  # fmt: skip
