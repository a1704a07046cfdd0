"""RFC 6749 4.4: a machine asks for itself. Nothing is written but the audit event, which is durable first (P1)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from token_core.errors import InvalidScope, UnauthorizedClient
from token_core.grants.steps import (
    TokenRequest,
    grantable,
    issued_event,
    mint_access_token,
    token_response,
)
from token_core.protocol.scope import STANDARD_SCOPES, parse_scope

if TYPE_CHECKING:
    from token_core.services import Services

GRANT_TYPE = "client_credentials"
PARAMETERS = frozenset({"scope"})


@lru_cache(maxsize=1024)
def _of_apis(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Without the standard ones, which only people's tokens can have."""
    return tuple(name for name in scopes if name not in STANDARD_SCOPES)


async def handle(request: TokenRequest, services: Services) -> bytes:
    """Validate, mint, record, answer."""
    client = request.client
    if client.is_public:
        raise UnauthorizedClient("Only a client with a secret can ask for itself.", detail="public_client")
    asked = parse_scope(request.parameters.get("scope"))
    catalog = await services.authority.catalog()
    wanted = _of_apis(asked or client.allowed_scopes)
    granted = grantable(wanted, client, client.held, catalog, services.settings.issuer)
    if not granted.scopes or (asked is not None and len(granted.scopes) != len(asked)):
        raise InvalidScope(detail="scope_not_held")

    subject = f"client:{client.client_id}"
    minted = mint_access_token(request, services, granted, subject=subject, held=client.held)
    await services.recorder.make_durable(issued_event(request, minted, subject=subject))
    return token_response(minted, client.access_token_ttl_seconds)
