"""What a link that is no longer good leads to: a plain word, and the way to a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_core.sessions.email_change import CONFIRM, UNDO
from token_core.sessions.mailed_links import SET_PASSWORD
from token_core.storage.sign_in_ports import LinkState
from token_core.web.page_route import error_page
from token_core.web.rendering import Onward

if TYPE_CHECKING:
    from fastapi import Response

    from token_core.web.visit import Visit

_TITLES = {
    LinkState.EXPIRED: ("This link has expired", "Links are good for a limited time only."),
    LinkState.SPENT: ("This link was used already", "Each link works once."),
    LinkState.VOID: (
        "This link is no longer good",
        "The password was changed since it was sent, or the account was closed.",
    ),
    LinkState.UNKNOWN: ("This link is not complete", "Please copy the whole address from the mail."),
}


def dead_link_page(visit: Visit, state: LinkState, purpose: str) -> Response:
    """410 for a link that once was good, 400 for what never was one."""
    if state not in _TITLES:
        return error_page(visit.request, 500, "Something went wrong", "Please try again.")
    title, text = _TITLES[state]
    link = Onward("/password/forgot", "Get a new link")
    if purpose in {CONFIRM, UNDO}:
        link = Onward("/account", "Go to your account")
    elif purpose != SET_PASSWORD:
        link = Onward("/sign-in", "Go to sign in")
        text += " When you sign in, you can ask for a new one."
    status = 400 if state is LinkState.UNKNOWN else 410
    return visit.answer(visit.hosted.pages.message("expired", title, text, status=status, link=link))
