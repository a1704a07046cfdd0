"""OpenID Connect RP-Initiated Logout 1.0, and signing out at this platform's own pages."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from token_core.protocol.authorization_request import Parameters, read_pairs
from token_core.protocol.authorization_response import form_action_source, with_query
from token_core.protocol.logout_request import (
    LogoutRequest,
    check_not_repeated,
    read_logout_client_id,
    read_logout_request,
)
from token_core.sessions.current import end_session
from token_core.tokens.id_token_hint import VerifiedHint, verify_hint
from token_core.web.page_route import PageRoute
from token_core.web.pending import PendingRequest, open_pending, seal_pending
from token_core.web.rendering import Onward
from token_core.web.visit import Visit

if TYPE_CHECKING:
    from token_core.storage.sign_in_ports import CurrentSession

router = APIRouter(route_class=PageRoute)


@router.get("/oauth2/logout", summary="Sign a person out")
async def logout(request: Request) -> Response:
    visit = Visit(request)
    pending = PendingRequest(tuple(read_pairs(request.scope["query_string"])), visit.hosted.clock())
    ask = await _read(visit, pending)
    session = await visit.session()
    if session is None:
        visit.end_session()
        return _signed_out(visit, ask)
    if ask.hint is not None and ask.hint.subject == str(session.user_id):
        await _end(visit, session, ask.hint)
        return _signed_out(visit, ask)
    return visit.page(
        "press_to_confirm.html",
        form_targets=[form_action_source(ask.redirect_uri)] if ask.redirect_uri else [],
        kind="leave",
        title="Do you want to sign out?",
        text=f"You are signed in as {session.email}.",
        action="/oauth2/logout/confirm",
        fields={"request": seal_pending(visit.hosted.form_key, pending, endpoint="logout")},
        button="Sign out",
        second=Onward("/sign-in", "Stay signed in"),
    )


@router.post("/oauth2/logout", summary="The same, with the parameters in a form")
async def logout_by_post(request: Request) -> Response:
    """Turned into a GET, because browsers keep SameSite=Lax cookies back from a form that another site sends."""
    visit = Visit(request)
    parameters = Parameters(read_pairs(await visit.body()))
    return visit.redirect(f"/oauth2/logout?{urlencode(parameters.pairs)}" if parameters.pairs else "/oauth2/logout")


@router.post("/oauth2/logout/confirm", include_in_schema=False)
async def confirm_logout(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    pending = open_pending(visit.hosted.form_key, form.get("request", ""), visit.hosted.clock(), endpoint="logout")
    ask = await _read(visit, pending)
    session = await visit.session()
    if session is not None:
        await _end(visit, session, None)
    else:
        visit.end_session()
    return _signed_out(visit, ask)


@router.get("/signed-out", include_in_schema=False)
async def signed_out(request: Request) -> Response:
    visit = Visit(request)
    text = "You can close this page. Applications may go on for a few minutes, until they notice."
    link = Onward("/sign-in", "Sign in again", is_quiet=True)
    return visit.answer(visit.hosted.pages.message("done", "You are signed out", text, link=link))


async def _read(visit: Visit, pending: PendingRequest) -> LogoutRequest:
    parameters = Parameters(pending.pairs)
    check_not_repeated(parameters)
    unverified = parameters.get("id_token_hint")
    hint = verify_hint(visit.hosted.keys, visit.hosted.issuer, unverified) if unverified else None
    client_id = read_logout_client_id(parameters, hint)
    client = await visit.hosted.authority.client(client_id) if client_id else None
    return read_logout_request(parameters, client, hint)


async def _end(visit: Visit, session: CurrentSession, hint: VerifiedHint | None) -> None:
    """End the browser's session, and an earlier one of the same person that the client's ID token names."""
    actor = str(session.user_id)
    async with visit.hosted.store.transaction(visit.hosted.clock()) as work:
        await end_session(work, session.id, session.user_id, reason="signed_out", actor=actor)
        if hint is not None and hint.session_id is not None and hint.session_id != str(session.id):
            await end_session(work, uuid.UUID(hint.session_id), session.user_id, reason="signed_out", actor=actor)
    visit.end_session()


def _signed_out(visit: Visit, ask: LogoutRequest) -> Response:
    if ask.redirect_uri is None:
        return visit.redirect("/signed-out")
    return visit.redirect(with_query(ask.redirect_uri, {"state": ask.state} if ask.state else {}))
