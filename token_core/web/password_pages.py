"""Forgotten passwords, and setting a new one from a mailed link."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from shared.identity.password_policy import MAX_CHARACTERS, MIN_CHARACTERS, PasswordProblem, password_problem
from token_core.sessions.mailed_links import SET_PASSWORD
from token_core.storage.sign_in_ports import LinkState
from token_core.web.dead_link import dead_link_page
from token_core.web.page_route import PageRoute
from token_core.web.rendering import Onward
from token_core.web.steady_answer import steady_answer
from token_core.web.visit import Visit

router = APIRouter(route_class=PageRoute, include_in_schema=False)

PROBLEMS = {
    PasswordProblem.TOO_SHORT: f"That is too short: it takes at least {MIN_CHARACTERS} characters.",
    PasswordProblem.TOO_LONG: f"That is too long: at most {MAX_CHARACTERS} characters, please.",
    PasswordProblem.NOT_TEXT: "That has characters that can't be typed again. Please choose others.",
    PasswordProblem.COMMON: "Many people use that, so it is among the first that are guessed. Please choose another.",
    PasswordProblem.CONTEXT: "That is too close to your e-mail address or our name. Please choose another.",
}


@router.get("/password/forgot")
async def show_forgotten(request: Request) -> Response:
    return Visit(request).page("password_forgot.html", error=None)


@router.post("/password/forgot")
async def send_reset_link(request: Request) -> Response:
    """The same answer after the same time, whoever is asked for."""
    visit = Visit(request)
    form = await visit.form()
    email = form.get("email", "").strip()
    if not email:
        return visit.page("password_forgot.html", error="Please give your e-mail address.", status=422)
    async with steady_answer():
        await visit.hosted.links.request_reset(email, visit.visitor)
    text = (
        "If there is an account with this address, a link to set a new password is on its way. It is good for one hour."
    )
    link = Onward("/sign-in", "Back to sign in", is_quiet=True)
    return visit.answer(visit.hosted.pages.message("mail", "Look into your mailbox", text, link=link))


@router.get("/password/set")
async def show_new_password(request: Request) -> Response:
    visit = Visit(request)
    token = request.query_params.get("token", "")
    link = await visit.hosted.links.look(token, SET_PASSWORD)
    if link.state is not LinkState.LIVE:
        return dead_link_page(visit, link.state, SET_PASSWORD)
    return _form(visit, token, None)


@router.post("/password/set")
async def set_password(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    token, password = form.get("token", ""), form.get("password", "")
    link = await visit.hosted.links.look(token, SET_PASSWORD)
    if link.state is not LinkState.LIVE:
        return dead_link_page(visit, link.state, SET_PASSWORD)
    if password != form.get("repeated", ""):
        return _form(visit, token, "The two passwords are not the same.")
    problem = password_problem(password, (link.email or "", visit.hosted.platform_name))
    if problem is not None:
        return _form(visit, token, PROBLEMS[problem])
    state, device = await visit.hosted.links.set_password(token, password, visit.visitor)
    if device is None:
        return dead_link_page(visit, state, SET_PASSWORD)
    visit.end_session()
    visit.know_device(device)
    text = "You can sign in with it now. All other devices were signed out."
    onward = Onward("/sign-in", "Sign in")
    return visit.answer(visit.hosted.pages.message("done", "Your password is set", text, link=onward))


def _form(visit: Visit, token: str, error: str | None) -> Response:
    return visit.page(
        "password_set.html",
        status=422 if error else 200,
        token=token,
        error=error,
        minimum_length=MIN_CHARACTERS,
    )
