"""The way of an authorization request, as named steps; routes/authorize.py and the consent page walk it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from events.envelope import ANONYMOUS
from events.payloads.authorization import AuthorizationCodeIssued, AuthorizationDenied, ConsentDenied, ConsentGranted
from events.record import build_event
from events.types import EventType
from shared.identity.scopes import STANDARD_SCOPES, grantable_scopes
from shared.ids import new_id
from shared.logging import request_id
from token_core.errors import AccessDenied, ConsentRequired, InvalidRequest, InvalidScope, LoginRequired, OAuthError
from token_core.protocol.authorization_request import (
    AuthorizationRequest,
    Parameters,
    ReplyAddress,
    UnsafeRequest,
    read_authorization_request,
    read_client_id,
    read_reply_address,
)
from token_core.protocol.authorization_response import (
    error_parameters,
    form_action_source,
    success_parameters,
    with_query,
)
from token_core.protocol.prompt import Prompt, SignedIn, Step, next_step
from token_core.protocol.scope import one_audience
from token_core.tokens.authorization_code import AuthorizationCode, code_hash, code_name, make_code
from token_core.tokens.id_token_hint import verify_hint
from token_core.web.pending import PendingRequest, seal_pending
from token_core.web.sign_in_page import sign_in_address

if TYPE_CHECKING:
    from fastapi import Response

    from token_core.authority import ClientRecord
    from token_core.storage.sign_in_ports import CurrentSession
    from token_core.web.visit import Visit


class Refused(Exception):
    """What the client is told by redirect."""

    def __init__(self, reply: ReplyAddress, client: ClientRecord, error: OAuthError) -> None:
        super().__init__(error.error)
        self.reply, self.client, self.error = reply, client, error


@dataclass(frozen=True, slots=True)
class Standing:
    """A valid request, and how far the person has come with it."""

    pending: PendingRequest
    client: ClientRecord
    ask: AuthorizationRequest
    session: CurrentSession | None
    scopes: tuple[str, ...]  # those that this person can get
    step: Step


async def take_request(visit: Visit, pending: PendingRequest, *, has_consented: bool = False) -> Standing:
    """Check the request and find the next step. `has_consented`: the person said yes just now.

    Raises:
        UnsafeRequest: for a page, never a redirect.
        Refused: for the client.
        TemporarilyUnavailable: it can't be told.
    """
    parameters = Parameters(pending.pairs)
    client = await visit.hosted.authority.client(read_client_id(parameters))
    if client is None:
        raise UnsafeRequest("No client has this client_id.")
    reply = read_reply_address(parameters, client)
    try:
        return await _weigh(visit, pending, parameters, client, reply, has_consented=has_consented)
    except OAuthError as error:
        if error.status >= 500 or not error.redirectable:
            raise
        raise Refused(reply, client, error) from error


async def _weigh(
    visit: Visit,
    pending: PendingRequest,
    parameters: Parameters,
    client: ClientRecord,
    reply: ReplyAddress,
    *,
    has_consented: bool,
) -> Standing:
    hosted = visit.hosted
    ask = read_authorization_request(parameters, client, reply)
    await _check_known_scopes(visit, ask)
    hinted_subject = _hinted_subject(visit, ask, client)
    session = await visit.session()
    scopes = ask.scopes if session is None else await _grantable(visit, ask, session)
    prompt = ask.prompt - {Prompt.CONSENT} if has_consented else ask.prompt
    step = next_step(
        prompt=prompt,
        max_age_seconds=ask.max_age_seconds,
        hinted_subject=hinted_subject,
        signed_in=None if session is None else SignedIn(str(session.user_id), session.authenticated_at),
        requested_at=pending.requested_at,
        now=hosted.clock(),
        has_consent=has_consented or await _has_consent(visit, client, session, scopes),
    )
    if step is Step.WRONG_USER:
        raise LoginRequired("The person signed in is not the one that id_token_hint names.", detail="wrong_user")
    if Prompt.NONE in ask.prompt and step is Step.SIGN_IN:
        raise LoginRequired
    if Prompt.NONE in ask.prompt and step is Step.CONSENT:
        raise ConsentRequired
    return Standing(pending, client, ask, session, scopes, step)


async def _check_known_scopes(visit: Visit, ask: AuthorizationRequest) -> None:
    """A registered scope may have gone since; and a token is for one API (RFC 9068 3)."""
    catalog = await visit.hosted.authority.catalog()
    of_apis = [scope for scope in ask.scopes if scope not in STANDARD_SCOPES]
    unknown = [scope for scope in of_apis if scope not in catalog.scopes]
    if unknown:
        raise InvalidScope(detail="scope_unknown")
    one_audience(catalog.scopes[scope].audience for scope in of_apis)


async def _grantable(visit: Visit, ask: AuthorizationRequest, session: CurrentSession) -> tuple[str, ...]:
    """Roles decide: a scope whose permissions the person lacks is left out (RFC 6749 3.3)."""
    held = await visit.hosted.authority.user(session.user_id)
    catalog = await visit.hosted.authority.catalog()
    carried = {name: scope.permission_ids for name, scope in catalog.scopes.items()}
    scopes = grantable_scopes(ask.scopes, carried, held.permission_ids if held else frozenset())
    if not scopes:
        raise AccessDenied("This person may not have any of the scopes.", detail="scopes_not_held")
    return scopes


def _hinted_subject(visit: Visit, ask: AuthorizationRequest, client: ClientRecord) -> str | None:
    if ask.unverified_id_token_hint is None:
        return None
    hint = verify_hint(visit.hosted.keys, visit.hosted.issuer, ask.unverified_id_token_hint)
    if hint is None or hint.client_id != client.client_id:
        raise InvalidRequest("id_token_hint is not an ID token that was issued to this client.", detail="bad_hint")
    return hint.subject


async def _has_consent(
    visit: Visit, client: ClientRecord, session: CurrentSession | None, scopes: tuple[str, ...]
) -> bool:
    if not client.require_consent:
        return True
    if session is None:
        return False
    return set(scopes) <= await visit.hosted.store.consented_scopes(session.user_id, client.id)


async def go_on(visit: Visit, standing: Standing) -> Response:
    """The answer to the next step."""
    sealed = seal_pending(visit.hosted.form_key, standing.pending)
    if standing.step is Step.SIGN_IN or standing.session is None:
        return visit.redirect(sign_in_address(sealed))
    if standing.step is Step.CONSENT:
        return visit.redirect(f"/consent?request={quote(sealed)}")
    return await issue_code(visit, standing, standing.session)


async def issue_code(
    visit: Visit, standing: Standing, session: CurrentSession, *, records_consent: bool = False
) -> Response:
    """The code, in Redis once its event is durable, and on its way to the client."""
    hosted, ask, now = visit.hosted, standing.ask, visit.hosted.clock()
    code = make_code(now)
    content = AuthorizationCode(
        client_id=standing.client.client_id,
        user_id=session.user_id,
        session_id=session.id,
        redirect_uri=ask.reply.redirect_uri,
        scopes=standing.scopes,
        nonce=ask.nonce,
        code_challenge=ask.code_challenge,
        auth_time=int(session.authenticated_at.timestamp()),
        amr=session.amr,
        acr=session.acr,
        issued_at_ms=int(now.timestamp() * 1000),
    )
    subject, client_id = str(session.user_id), standing.client.client_id
    async with hosted.store.transaction(now) as work:
        if records_consent:
            await work.grant_consent(session.user_id, standing.client.id, standing.scopes)
            await work.record(
                EventType.CONSENT_GRANTED, ConsentGranted(client_id=client_id, scopes=standing.scopes),
                subject=subject, actor=subject, client_id=client_id, session_id=session.id,
            )  # fmt: skip
        payload = AuthorizationCodeIssued(
            code_id=code_name(code_hash(code)),
            scope=" ".join(standing.scopes),
            redirect_uri_host=urlsplit(ask.reply.redirect_uri).hostname or urlsplit(ask.reply.redirect_uri).scheme,
        )
        await work.record(
            EventType.AUTHORIZATION_CODE_ISSUED, payload, subject=subject, actor=subject, client_id=client_id,
            session_id=session.id, origin=visit.visitor.origin,
        )  # fmt: skip
    await hosted.codes.save(code, content)
    return reply_with(visit, ask.reply, success_parameters(ask.reply, code, hosted.issuer))


async def deny(visit: Visit, standing: Standing, session: CurrentSession) -> Response:
    """The person said no."""
    subject, client_id = str(session.user_id), standing.client.client_id
    async with visit.hosted.store.transaction(visit.hosted.clock()) as work:
        payload = ConsentDenied(client_id=client_id, scopes=standing.scopes)
        await work.record(
            EventType.CONSENT_DENIED,
            payload,
            subject=subject,
            actor=subject,
            client_id=client_id,
            session_id=session.id,
        )
    error = AccessDenied("The person did not allow it.")
    return reply_with(visit, standing.ask.reply, _error(standing.ask.reply, error, visit.hosted.issuer))


async def refuse(visit: Visit, refused: Refused) -> Response:
    """Tell the client by redirect, once the refusal is recorded."""
    error = refused.error
    reason = error.error if error.detail == error.error else f"{error.error}:{error.detail}"
    event = build_event(
        EventType.AUTHORIZATION_DENIED,
        payload=AuthorizationDenied(reason=reason),
        subject=ANONYMOUS,
        actor=ANONYMOUS,
        now=visit.hosted.clock(),
        event_id=new_id(),
        request_id=request_id.get(),
        client_id=refused.client.client_id,
    )
    await visit.hosted.recorder.record_failure(event, reason)
    return reply_with(visit, refused.reply, _error(refused.reply, error, visit.hosted.issuer))


def reply_with(visit: Visit, reply: ReplyAddress, parameters: dict[str, str]) -> Response:
    if reply.response_mode == "form_post":
        target = form_action_source(reply.redirect_uri)
        return visit.answer(visit.hosted.pages.render_form_post(reply.redirect_uri, parameters, target))
    return visit.redirect(with_query(reply.redirect_uri, parameters))


def _error(reply: ReplyAddress, error: OAuthError, issuer: str) -> dict[str, str]:
    return error_parameters(reply, error.error, error.description, issuer)
