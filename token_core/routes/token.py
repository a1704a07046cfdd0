"""RFC 6749 3.2: the token endpoint, in the order that security wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.envelope import ANONYMOUS
from events.payloads.token import TokenDenied
from events.record import build_event
from events.types import EventType
from shared.clock import utc_now
from shared.ids import new_id
from shared.pseudonyms import address_hash, identifier_hash
from token_core.errors import InvalidRequest, OAuthError, UnauthorizedClient, UnsupportedGrantType
from token_core.grants.registry import GRANTS
from token_core.grants.steps import TokenRequest
from token_core.hot import NO_STORE, HotRequest, HotResponse
from token_core.metrics import count_issued, tokens_denied
from token_core.routes.authenticate import UnknownClient, WrongSecret, authenticate_client, read_parameters
from token_core.web.client_address import client_address

if TYPE_CHECKING:
    from events.envelope import Event
    from token_core.authority import ClientRecord
    from token_core.services import Services

_HEADERS = [(b"content-type", b"application/json"), *NO_STORE]


async def token(request: HotRequest, services: Services) -> HotResponse:
    """Parse, authenticate the client, dispatch to the grant, answer; or record why not."""
    client, grant_type = None, None
    try:
        parameters = await read_parameters(request)
        client = await authenticate_client(request, parameters, services)
        grant_type = _grant_type(parameters)
        if grant_type not in client.grant_types:
            raise UnauthorizedClient("This client is not registered for this grant type.", detail="grant_type")
        grant_request = TokenRequest(grant_type, parameters, client, request.request_id, utc_now())
        body = await GRANTS[grant_type](grant_request, services)
    except OAuthError as error:
        if error.status < 500:
            await _record_denial(request, services, error, client, grant_type)
        tokens_denied.labels(grant_type or "none", error.error).inc()
        raise
    count_issued(grant_type)
    return HotResponse(200, body, _HEADERS)


def _grant_type(parameters: dict[str, str]) -> str:
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise InvalidRequest("grant_type is missing.", detail="no_grant_type")
    if grant_type not in GRANTS:
        raise UnsupportedGrantType
    return grant_type


async def _record_denial(
    request: HotRequest, services: Services, error: OAuthError, client: ClientRecord | None, grant_type: str | None
) -> None:
    reason = error.error if error.detail == error.error else f"{error.error}:{error.detail}"
    await services.recorder.record_failure(_denial(request, services, error, client, grant_type, reason), reason)


def _denial(
    request: HotRequest,
    services: Services,
    error: OAuthError,
    client: ClientRecord | None,
    grant_type: str | None,
    reason: str,
) -> Event:
    key, hint, client_id = services.settings.pseudonym_key.get_secret_value(), None, None
    if client is not None:
        client_id = client.client_id
    elif isinstance(error, WrongSecret):
        client_id = error.client_id
    elif isinstance(error, UnknownClient):
        hint = identifier_hash(key, error.client_id)
    forwarded = [value.decode("latin-1") for name, value in request.headers if name == b"x-forwarded-for"]
    address = client_address(request.client_address, forwarded, services.settings.trusted_proxy_hops)
    subject = ANONYMOUS if client_id is None else f"client:{client_id}"
    payload = TokenDenied(
        grant_type=grant_type, reason=reason, client_hint=hint, address_hash=address_hash(key, address)
    )
    return build_event(
        EventType.TOKEN_DENIED, payload=payload, subject=subject, actor=subject, now=utc_now(), event_id=new_id(),
        request_id=request.request_id, client_id=client_id,
    )  # fmt: skip
