"""What the grants share: what may be granted, and minting it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from events.record import build_issued_event
from shared.identity.scopes import OPENID, grantable_scopes
from shared.ids import new_id_text
from token_core.protocol.scope import one_audience
from token_core.tokens import jws
from token_core.tokens.access_token import AccessTokenContent, Authentication
from token_core.tokens.id_token import id_token_claims

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from events.envelope import Event
    from token_core.authority import Catalog, ClientRecord, Held
    from token_core.services import Services


_MAX_REMEMBERED = 10_000


class TokenRequest(NamedTuple):
    """A token request whose client is authenticated and registered for this grant type."""

    grant_type: str
    parameters: Mapping[str, str]
    client: ClientRecord
    request_id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Grantable:
    """Scopes that the subject holds every permission for, and what follows from them."""

    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    permissions: tuple[str, ...]
    scope: str  # the scopes as RFC 6749 3.3 writes them


def grantable(scopes: Sequence[str], client: ClientRecord, held: Held, catalog: Catalog, issuer: str) -> Grantable:
    """Those of `scopes` that this client may have for this subject, in their order.

    Remembered in the catalog by all else that it follows from, so that a change to any of it is never missed.

    Raises:
        InvalidScope: they are for several APIs.
    """
    key = (tuple(scopes), client.allowed_scopes, held.permission_ids, issuer)
    found: Grantable | None = catalog.derived.get(key)
    if found is None:
        found = _grantable(scopes, client, held, catalog, issuer)
        if len(catalog.derived) >= _MAX_REMEMBERED:
            catalog.derived.clear()
        catalog.derived[key] = found
    return found


def _grantable(scopes: Sequence[str], client: ClientRecord, held: Held, catalog: Catalog, issuer: str) -> Grantable:
    allowed = (name for name in scopes if name in client.allowed_scopes)
    kept = grantable_scopes(allowed, catalog.permissions_of_scope, held.permission_ids)
    of_apis = [catalog.scopes[name] for name in kept if name in catalog.scopes]
    api = one_audience(scope.audience for scope in of_apis)
    audience = (issuer,) if api is None else (api, issuer) if OPENID in kept else (api,)
    carried = {identifier for scope in of_apis for identifier in scope.permission_ids}
    permissions = tuple(sorted(catalog.permission_names[identifier] for identifier in carried))
    return Grantable(kept, audience, permissions, " ".join(kept))


class Minted(NamedTuple):
    """A signed access token, and what its event says of it."""

    token: str
    jti_text: str
    expires: int  # NumericDate
    granted: Grantable

    @property
    def jti(self) -> uuid.UUID:
        return uuid.UUID(self.jti_text)

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expires, UTC)


def mint_access_token(
    request: TokenRequest,
    services: Services,
    granted: Grantable,
    *,
    subject: str,
    held: Held,
    authentication: Authentication | None = None,
    grant_id: uuid.UUID | None = None,
) -> Minted:
    """RFC 9068."""
    issued_at, jti = int(request.now.timestamp()), new_id_text()
    ttl = request.client.access_token_ttl_seconds
    content = AccessTokenContent(
        issuer=services.settings.issuer, subject=subject, audience=granted.audience, client_id=request.client.client_id,
        jti=jti, issued_at=issued_at, expires_at=issued_at + ttl, scopes=granted.scopes, roles=held.roles,
        permissions=granted.permissions, authentication=authentication, grant_id=grant_id,
    )  # fmt: skip
    token = services.keys.sign(jws.ACCESS_TOKEN, content.to_json())
    return Minted(token, jti, issued_at + ttl, granted)


def mint_id_token(
    request: TokenRequest,
    services: Services,
    minted: Minted,
    *,
    subject: str,
    authentication: Authentication,
    nonce: str | None,
) -> str | None:
    """OpenID Connect Core 3.1.3.3; None where `openid` was not granted."""
    if OPENID not in minted.granted.scopes:
        return None
    claims = id_token_claims(
        issuer=services.settings.issuer, subject=subject, client_id=request.client.client_id,
        issued_at=int(request.now.timestamp()), access_token=minted.token, authentication=authentication, nonce=nonce,
    )  # fmt: skip
    return services.keys.sign(jws.ID_TOKEN, claims, request.client.id_token_algorithm)


def issued_event(
    request: TokenRequest,
    minted: Minted,
    *,
    subject: str,
    session_id: uuid.UUID | None = None,
    family_id: uuid.UUID | None = None,
    generation: int | None = None,
) -> Event:
    """`token.issued`: has to be durable before the token leaves (P1)."""
    client = request.client.client_id
    return build_issued_event(
        grant_type=request.grant_type, jti=minted.jti_text, audience=minted.granted.audience,
        scope=minted.granted.scope, expires_at=minted.expires, family_id=family_id, generation=generation,
        subject=subject, actor=f"client:{client}", now=request.now, event_id=new_id_text(),
        request_id=request.request_id, client_id=client, session_id=session_id,
    )  # fmt: skip


def token_response(
    minted: Minted, ttl_seconds: int, *, id_token: str | None = None, refresh_token: str | None = None
) -> bytes:
    """RFC 6749 5.1, OpenID Connect Core 3.1.3.3. No value needs JSON's escapes: base64url and scope names."""
    body = f'{{"access_token":"{minted.token}","token_type":"Bearer","expires_in":{ttl_seconds}'
    body += f',"scope":"{minted.granted.scope}"'
    if refresh_token is not None:
        body += f',"refresh_token":"{refresh_token}"'
    if id_token is not None:
        body += f',"id_token":"{id_token}"'
    return (body + "}").encode()
