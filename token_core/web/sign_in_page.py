"""Signing in, with or without an application that waits for it."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from token_core.protocol.authorization_request import Parameters
from token_core.protocol.authorization_response import form_action_source
from token_core.sessions.guesses import seconds_to_next_window
from token_core.sessions.sign_in import Refusal
from token_core.web.page_route import PageRoute
from token_core.web.pending import open_pending
from token_core.web.rendering import Onward
from token_core.web.visit import Visit

router = APIRouter(route_class=PageRoute, include_in_schema=False)
NEXT = {"account": "/account", "email": "/account/email", "data": "/account/data"}  # never an address from outside
_WRONG = "The e-mail address or the password is wrong."


@router.get("/sign-in")
async def show_sign_in(request: Request) -> Response:
    visit = Visit(request)
    sealed, onward = request.query_params.get("request"), request.query_params.get("next")
    if sealed is None and (session := await visit.session()) is not None:
        if onward in NEXT:
            return await sign_in_page(visit, None, email=session.email, onward=onward)
        return visit.answer(visit.hosted.pages.render("signed_in.html", email=session.email))
    return await sign_in_page(visit, sealed, onward=onward)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    sealed, onward = form.get("request"), form.get("next")
    email, password = form.get("email", ""), form.get("password", "")
    if not email or not password:
        return await sign_in_page(
            visit, sealed, email=email, error="Please give your e-mail address and your password.", onward=onward
        )
    outcome = await visit.hosted.sign_ins.attempt(email, password, visit.visitor, await visit.session())
    if isinstance(outcome, Refusal):
        return await _refused(visit, outcome, sealed, email, onward)
    visit.begin_session(outcome.session)
    if outcome.device is not None:
        visit.know_device(outcome.device)
    return visit.redirect(next_address(sealed, onward))


async def sign_in_page(
    visit: Visit,
    sealed: str | None,
    *,
    email: str = "",
    error: str | None = None,
    status: int = 200,
    onward: str | None = None,
) -> Response:
    """The form; its answer may be redirected to the application that waits. `onward`: the page of ours that does."""
    client_name, targets = None, list[str]()
    if sealed is not None:
        pending = open_pending(visit.hosted.form_key, sealed, visit.hosted.clock())
        parameters = Parameters(pending.pairs)
        client = await visit.hosted.authority.client(parameters.get("client_id") or "")
        client_name = client.name if client else None
        targets = [form_action_source(parameters.get("redirect_uri") or "")]
        email = email or (parameters.get("login_hint") or "")[:254]
    return visit.page(
        "sign_in.html",
        status=status,
        form_targets=targets,
        client_name=client_name,
        request=sealed,
        onward=onward if onward in NEXT else None,
        email=email,
        error=error,
    )


def next_address(sealed: str | None, onward: str | None = None) -> str:
    """Where a signed-in person goes on: always on this site."""
    if sealed is None and onward in NEXT:
        return NEXT[onward]
    return "/sign-in" if sealed is None else f"/oauth2/authorize/continue?request={quote(sealed)}"


def sign_in_address(sealed: str | None) -> str:
    return "/sign-in" if sealed is None else f"/sign-in?request={quote(sealed)}"


async def _refused(visit: Visit, refusal: Refusal, sealed: str | None, email: str, onward: str | None) -> Response:
    if refusal is Refusal.BAD_CREDENTIALS:
        return await sign_in_page(visit, sealed, email=email, error=_WRONG, status=401, onward=onward)
    retry_after = str(seconds_to_next_window(visit.hosted.clock()))
    if refusal is Refusal.CONFIRM_BY_MAIL:
        response = visit.page(
            "confirm_by_mail.html", status=429, email=email, request=sealed, sign_in_url=sign_in_address(sealed)
        )
    else:
        text = (
            "There were too many attempts from your network. "
            "Please wait, or use a device that you have signed in from before."
        )
        link = Onward(sign_in_address(sealed), "Back to sign in", is_quiet=True)
        response = visit.answer(visit.hosted.pages.message("expired", "Too many attempts", text, status=429, link=link))
    response.headers["Retry-After"] = retry_after
    return response
