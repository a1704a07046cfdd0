"""Changing the password. The current one is asked for, which says more than a recent sign-in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from shared.identity.password_policy import MIN_CHARACTERS, password_problem
from token_core.sessions.guesses import seconds_to_next_window
from token_core.sessions.sign_in import Refusal
from token_core.web.account_route import AccountRoute, signed_in
from token_core.web.password_pages import PROBLEMS
from token_core.web.visit import Visit

router = APIRouter(route_class=AccountRoute, include_in_schema=False)


@router.get("/account/password")
async def show_change(request: Request) -> Response:
    visit = Visit(request)
    session = await signed_in(visit)
    return _form(visit, session.email)


@router.post("/account/password")
async def change_password(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    session = await signed_in(visit)
    current, new = form.get("current", ""), form.get("password", "")
    if not current:
        return _form(visit, session.email, "Please give your current password.", is_current_wrong=True)
    if new != form.get("repeated", ""):
        return _form(visit, session.email, "The two new passwords are not the same.")
    if new == current:
        return _form(visit, session.email, "That is the password that you have. Please choose another.")
    problem = password_problem(new, (session.email, visit.hosted.platform_name))
    if problem is not None:
        return _form(visit, session.email, PROBLEMS[problem])
    refusal = await visit.hosted.accounts.change_password(session, current, new, visit.visitor)
    if refusal is Refusal.BAD_CREDENTIALS:
        return _form(visit, session.email, "The current password is wrong.", is_current_wrong=True)
    if refusal is not None:
        text = "There were too many wrong passwords. Please wait an hour, or reset your password by mail."
        response = _form(visit, session.email, text, is_current_wrong=True, status=429)
        response.headers["Retry-After"] = str(seconds_to_next_window(visit.hosted.clock()))
        return response
    return visit.redirect("/account?done=password")


def _form(
    visit: Visit, email: str, error: str | None = None, *, is_current_wrong: bool = False, status: int | None = None
) -> Response:
    return visit.page(
        "account_password.html",
        status=status or (422 if error else 200),
        email=email,
        error=error,
        is_current_wrong=is_current_wrong,
        minimum_length=MIN_CHARACTERS,
    )
