"""RFC 6749 6, RFC 9700 4.14.2, P6: a refresh token is exchanged once; who lost the answer gets the same again."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING

from events.payloads.token import RefreshTokenReused
from events.record import build_event
from events.types import EventType
from shared.ids import new_id
from token_core.errors import InvalidGrant, InvalidRequest, InvalidScope, TemporarilyUnavailable
from token_core.grants.steps import (
    TokenRequest,
    grantable,
    issued_event,
    mint_access_token,
    mint_id_token,
    token_response,
)
from token_core.metrics import refresh_outcomes
from token_core.protocol.scope import parse_scope
from token_core.storage.ports import Rotation
from token_core.tokens.access_token import Authentication
from token_core.tokens.refresh_token import (
    RefreshToken,
    lock_answer,
    make_refresh_token,
    read_refresh_token,
    unlock_answer,
)

if TYPE_CHECKING:
    from token_core.services import Services
    from token_core.storage.ports import Family

GRANT_TYPE = "refresh_token"
PARAMETERS = frozenset({"refresh_token", "scope"})
_NOT_BOUND = frozenset({"grant_type", "refresh_token", "client_id", "client_secret"})
_ATTEMPTS = 3


async def handle(request: TokenRequest, services: Services) -> bytes:
    """Rotate the live token, answer the one just spent again, or find reuse."""
    token = _read(request, services)
    for _ in range(_ATTEMPTS):
        family = await services.families.find(token.family_id)
        if family is None or family.client_id != request.client.id:
            raise InvalidGrant(detail="unknown_refresh_token")
        if family.revoked_at is not None:
            raise InvalidGrant(detail="refresh_token_revoked")
        if not hmac.compare_digest(token.hash, family.current_hash):
            return await _answer_again(request, services, token, family)
        if min(family.idle_expires_at, family.expires_at) <= request.now:
            raise InvalidGrant(detail="refresh_token_expired")
        answer = await _rotate(request, services, token, family)
        if answer is not None:
            return answer  # else another use was first: look at what it left
    raise TemporarilyUnavailable(detail="refresh_contention")


def _read(request: TokenRequest, services: Services) -> RefreshToken:
    text = request.parameters.get("refresh_token")
    if text is None:
        raise InvalidRequest("refresh_token is missing.", detail="no_refresh_token")
    token = read_refresh_token(services.settings.refresh_token_key.get_secret_value(), text)
    if token is None:
        raise InvalidGrant(detail="unknown_refresh_token")
    return token


async def _rotate(request: TokenRequest, services: Services, token: RefreshToken, family: Family) -> bytes | None:
    """The answer, or None where another use of the same token was first. Nothing but the claim writes."""
    client, now = request.client, request.now
    asked = parse_scope(request.parameters.get("scope"))
    if asked is not None and not set(asked) <= set(family.scopes):
        raise InvalidScope("A scope is not among those granted at first.", detail="scope_not_granted")
    held = await services.authority.user(family.user_id)
    if held is None:
        raise InvalidGrant(detail="user_inactive")
    catalog = await services.authority.catalog()
    granted = grantable(asked or family.scopes, client, held, catalog, services.settings.issuer)
    if not granted.scopes:
        raise InvalidScope("The person no longer holds what was granted.", detail="nothing_granted")

    subject = str(family.user_id)
    session_id = family.session_id if family.is_session_live else None  # a token that names an ended one is over
    authentication = Authentication(session_id, int(family.auth_time.timestamp()), family.amr, family.acr)
    successor = make_refresh_token(
        services.settings.refresh_token_key.get_secret_value(), family.id, family.generation + 1
    )
    minted = mint_access_token(
        request, services, granted, subject=subject, held=held, authentication=authentication, grant_id=family.id
    )
    id_token = mint_id_token(request, services, minted, subject=subject, authentication=authentication, nonce=None)
    answer = token_response(
        minted, client.access_token_ttl_seconds, id_token=id_token, refresh_token=successor.text
    )  # fmt: skip
    binding = _binding(request)
    rotation = Rotation(
        family_id=family.id, spent_hash=token.hash, new_hash=successor.hash, new_generation=successor.generation,
        answer=lock_answer(token, binding, answer), answer_binding=binding, now=now,
        replay_until=now + timedelta(seconds=services.settings.refresh_replay_seconds),
        idle_expires_at=now + timedelta(seconds=client.refresh_token_ttl_seconds),
        event=issued_event(
            request, minted, subject=subject, session_id=family.session_id, family_id=family.id,
            generation=successor.generation,
        ),
    )  # fmt: skip
    if not await services.families.rotate(rotation):
        return None
    refresh_outcomes.labels("rotated").inc()
    return answer


async def _answer_again(request: TokenRequest, services: Services, token: RefreshToken, family: Family) -> bytes:
    """The same answer, while its refresh token is unused; otherwise the token was stolen, here or there."""
    binding = _binding(request)
    if (
        family.answer is not None
        and family.previous_hash is not None
        and family.replay_until is not None
        and family.replay_until > request.now
        and hmac.compare_digest(family.previous_hash, token.hash)
        and hmac.compare_digest(family.answer_binding or b"", binding)
    ):
        answer = unlock_answer(token, binding, family.answer)
        if answer is not None:
            refresh_outcomes.labels("replayed").inc()
            return answer
    subject, client = str(family.user_id), request.client.client_id
    event = build_event(
        EventType.REFRESH_TOKEN_REUSED,
        payload=RefreshTokenReused(family_id=str(family.id), generation=token.generation),
        subject=subject, actor=f"client:{client}", now=request.now, event_id=new_id(), request_id=request.request_id,
        client_id=client, session_id=family.session_id,
    )  # fmt: skip
    await services.families.revoke(family.id, "refresh_token_reused", request.now, event)
    refresh_outcomes.labels("reused").inc()
    raise InvalidGrant(detail="refresh_token_reused")


def _binding(request: TokenRequest) -> bytes:
    """What the answer is for: this client and these parameters."""
    kept = sorted((name, value) for name, value in request.parameters.items() if name not in _NOT_BOUND)
    return hashlib.sha256(json.dumps([str(request.client.id), kept]).encode()).digest()
