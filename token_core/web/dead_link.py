"""What a link that is no longer good leads to: a plain word, and the way to a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_core.sessions.mailed_links import SET_PASSWORD
from token_core.storage.sign_in_ports import LinkState
from token_core.web.page_route import error_page

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
    if purpose == SET_PASSWORD:
        link = {"href": "/password/forgot", "text": "Get a new link", "quiet": False}
    else:
        link = {"href": "/sign-in", "text": "Go to sign in", "quiet": False}
        text += " When you sign in, you can ask for a new one."
    values = {"kind": "expired", "title": title, "text": text, "link": link, "request_id": None}
    status = 400 if state is LinkState.UNKNOWN else 410
    return visit.answer(visit.hosted.pages.render("message.html", status=status, **values))
