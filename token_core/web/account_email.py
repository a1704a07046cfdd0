"""Changing the e-mail address: asked for here, confirmed from both mailboxes, taken back from the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from shared.identity.email import InvalidEmail
from token_core.sessions.email_change import CONFIRM, UNDO, Answer, Wish
from token_core.storage.sign_in_ports import LinkState
from token_core.web.account_route import AccountRoute, signed_in_recently
from token_core.web.dead_link import dead_link_page
from token_core.web.page_route import error_page
from token_core.web.rendering import Onward
from token_core.web.visit import Visit

if TYPE_CHECKING:
    from token_core.sessions.email_change import EmailChanges

router = APIRouter(route_class=AccountRoute, include_in_schema=False)


@router.get("/account/email")
async def show_wish(request: Request) -> Response:
    visit = Visit(request)
    session = await signed_in_recently(visit, "email")
    return visit.page("account_email.html", email=session.email, wished="", error=None)


@router.post("/account/email")
async def wish(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    session = await signed_in_recently(visit, "email")
    wished = form.get("email", "").strip()
    error, status = None, 422
    try:
        outcome = await visit.hosted.email_changes.wish(session, wished, visit.visitor)
    except InvalidEmail:
        error = "That is not an e-mail address that we can send mail to."
    else:
        if outcome is Wish.SAME:
            error = "That is the address that you have."
        elif outcome is Wish.TOO_OFTEN:
            error, status = "There were too many mails already. Please wait an hour.", 429
    if error is not None:
        return visit.page("account_email.html", status=status, email=session.email, wished=wished[:254], error=error)
    text = (
        f"We sent a link to {session.email} and one to {wished}. "
        "Your address changes when both have been opened and confirmed. They are good for one day."
    )
    link = Onward("/account", "Back to your account", is_quiet=True)
    return visit.answer(visit.hosted.pages.message("mail", "Look into both mailboxes", text, link=link))


@router.get("/email/change")
async def show_confirm(request: Request) -> Response:
    text = "Press the button to agree that the e-mail address of the account is changed."
    return await _press(request, CONFIRM, "mail", "Confirm the change of your e-mail address", text, "Confirm")


@router.post("/email/change")
async def confirm(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    answer = await visit.hosted.email_changes.confirm(form.get("token", ""), visit.visitor)
    if answer is Answer.WAITING:
        text = "Now the other address has to confirm too: open the link in that mailbox. Until then nothing changes."
        return visit.answer(visit.hosted.pages.message("mail", "Thank you: one of two", text))
    if answer is Answer.DONE:
        text = "Sign in with the new address from now on. The old one can take this back for a week."
        link = Onward("/account", "Go to your account")
        return visit.answer(visit.hosted.pages.message("done", "Your e-mail address is changed", text, link=link))
    return _refused(visit, answer, CONFIRM)


@router.get("/email/undo")
async def show_undo(request: Request) -> Response:
    text = (
        "Your old e-mail address comes back, all devices are signed out, and your password ends: "
        "we send you a link to choose a new one."
    )
    return await _press(request, UNDO, "failed", "Take the change of your e-mail address back?", text, "Take it back")


@router.post("/email/undo")
async def undo(request: Request) -> Response:
    visit = Visit(request)
    form = await visit.form()
    answer = await visit.hosted.email_changes.revert(form.get("token", ""), visit.visitor)
    if answer is Answer.DONE:
        visit.end_session()
        text = "Your old address is back, and all devices are signed out. Look into its mailbox to choose a password."
        return visit.answer(visit.hosted.pages.message("done", "The change is taken back", text))
    return _refused(visit, answer, UNDO)


def _refused(visit: Visit, answer: LinkState | Answer, purpose: str) -> Response:
    if isinstance(answer, LinkState):
        return dead_link_page(visit, answer, purpose)
    text = "Another account has this address by now. Nothing was changed."
    return error_page(visit.request, 409, "This address can\N{RIGHT SINGLE QUOTATION MARK}t be used", text)


async def _press(request: Request, purpose: str, kind: str, title: str, text: str, button: str) -> Response:
    visit = Visit(request)
    token = request.query_params.get("token", "")
    changes: EmailChanges = visit.hosted.email_changes
    link = await changes.look(token, purpose)
    if link.state is not LinkState.LIVE:
        return dead_link_page(visit, link.state, purpose)
    return visit.page(
        "press_to_confirm.html",
        kind=kind,
        title=title,
        text=text,
        button=button,
        second=None,
        action=request.url.path,
        fields={"token": token},
    )
