"""RFC 6749 4.1.3, RFC 7636, OpenID Connect Core 3.1.3: a code becomes tokens, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from events.payloads.authorization import AuthorizationCodeReused
from events.record import build_event
from events.types import EventType
from shared.identity.scopes import OFFLINE_ACCESS
from shared.ids import new_id
from token_core.errors import InvalidGrant, InvalidRequest
from token_core.grants.steps import (
    TokenRequest,
    grantable,
    issued_event,
    mint_access_token,
    mint_id_token,
    token_response,
)
from token_core.protocol.pkce import proves
from token_core.storage.ports import NewFamily, Redemption
from token_core.tokens.access_token import Authentication
from token_core.tokens.authorization_code import (
    CODE_TTL_SECONDS,
    AuthorizationCode,
    MalformedCode,
    code_hash,
    code_issued_at,
    code_name,
)
from token_core.tokens.refresh_token import RefreshToken, make_refresh_token

if TYPE_CHECKING:
    from events.envelope import Event
    from token_core.services import Services
    from token_core.storage.ports import Spent

GRANT_TYPE = "authorization_code"
PARAMETERS = frozenset({"code", "redirect_uri", "code_verifier"})
_REFRESH = "refresh_token"


async def handle(request: TokenRequest, services: Services) -> bytes:
    """Validate everything, mint, then claim: the code, its family and the event in one transaction."""
    client, now = request.client, request.now
    code, issued_at = _read_code(request)
    content = await services.codes.find(code)
    if content is None:
        await _revoke_if_spent(request, services, code, issued_at)
        raise InvalidGrant(detail="unknown_code")
    _check(request, content)
    held = await services.authority.user(content.user_id)
    if held is None:
        raise InvalidGrant(detail="user_inactive")
    granted = grantable(content.scopes, client, held, await services.authority.catalog(), services.settings.issuer)
    if not granted.scopes:
        raise InvalidGrant("The person no longer holds what was asked for.", detail="nothing_granted")

    subject = str(content.user_id)
    authentication = Authentication(content.session_id, content.auth_time, content.amr, content.acr)
    refresh = _refresh_token(request, services, granted.scopes)
    family_id = None if refresh is None else refresh.family_id
    minted = mint_access_token(
        request, services, granted, subject=subject, held=held, authentication=authentication, grant_id=family_id
    )
    id_token = mint_id_token(
        request, services, minted, subject=subject, authentication=authentication, nonce=content.nonce
    )
    redemption = Redemption(
        code_hash=code_hash(code), issued_at=issued_at, user_id=content.user_id, session_id=content.session_id,
        jti=minted.jti, access_token_expires_at=minted.expires_at, now=now,
        family=None if refresh is None else _family(request, content, refresh),
        event=issued_event(
            request, minted, subject=subject, session_id=content.session_id, family_id=family_id,
            generation=None if refresh is None else 1,
        ),
    )  # fmt: skip
    if not await services.ledger.redeem(redemption):
        await _revoke_if_spent(request, services, code, issued_at, subject=subject)
        raise InvalidGrant(detail="code_or_session_over")
    return token_response(
        minted,
        client.access_token_ttl_seconds,
        id_token=id_token,
        refresh_token=None if refresh is None else refresh.text,
    )


def _read_code(request: TokenRequest) -> tuple[str, datetime]:
    code = request.parameters.get("code")
    if code is None:
        raise InvalidRequest("code is missing.", detail="no_code")
    try:
        return code, code_issued_at(code)
    except MalformedCode as error:
        raise InvalidGrant(detail="malformed_code") from error


def _check(request: TokenRequest, content: AuthorizationCode) -> None:
    """RFC 6749 4.1.3: the same client, the same redirect URI, the proof, in time."""
    if content.client_id != request.client.client_id:
        raise InvalidGrant(detail="code_of_another_client")
    if request.now.timestamp() * 1000 - content.issued_at_ms > CODE_TTL_SECONDS * 1000:
        raise InvalidGrant(detail="code_expired")
    if request.parameters.get("redirect_uri") != content.redirect_uri:
        raise InvalidGrant("redirect_uri differs from the authorization request's.", detail="redirect_uri_differs")
    if not proves(request.parameters.get("code_verifier"), content.code_challenge):
        raise InvalidGrant("code_verifier does not fit the code_challenge.", detail="pkce_failed")


def _refresh_token(request: TokenRequest, services: Services, scopes: tuple[str, ...]) -> RefreshToken | None:
    if OFFLINE_ACCESS not in scopes or _REFRESH not in request.client.grant_types:
        return None
    return make_refresh_token(services.settings.refresh_token_key.get_secret_value(), new_id(), 1)


def _family(request: TokenRequest, content: AuthorizationCode, refresh: RefreshToken) -> NewFamily:
    client, now = request.client, request.now
    idle_seconds = min(client.refresh_token_ttl_seconds, client.refresh_family_ttl_seconds)
    return NewFamily(
        id=refresh.family_id, user_id=content.user_id, client_id=client.id, session_id=content.session_id,
        scopes=content.scopes, auth_time=datetime.fromtimestamp(content.auth_time, UTC), amr=content.amr,
        acr=content.acr, token_hash=refresh.hash,
        idle_expires_at=now + timedelta(seconds=idle_seconds),
        expires_at=now + timedelta(seconds=client.refresh_family_ttl_seconds),
    )  # fmt: skip


async def _revoke_if_spent(
    request: TokenRequest, services: Services, code: str, issued_at: datetime, subject: str | None = None
) -> None:
    """RFC 6749 4.1.2: a code that comes twice takes back what it gave, also when Redis has forgotten it."""
    hashed = code_hash(code)
    spent = await services.ledger.find_spent(hashed, issued_at)
    if spent is None or (subject is None and spent.client_id != request.client.id):
        return
    event = _reused_event(request, spent, hashed, subject)
    await services.ledger.revoke_what_it_gave(spent, request.now, event)
    raise InvalidGrant(detail="code_reused")


def _reused_event(request: TokenRequest, spent: Spent, hashed: bytes, subject: str | None) -> Event:
    client = request.client.client_id
    return build_event(
        EventType.AUTHORIZATION_CODE_REUSED,
        payload=AuthorizationCodeReused(
            family_id=None if spent.family_id is None else str(spent.family_id), code_id=code_name(hashed)
        ),
        subject=subject or f"client:{client}", actor=f"client:{client}", now=request.now, event_id=new_id(),
        request_id=request.request_id, client_id=client,
    )  # fmt: skip
