"""What all pages of a person's own account share: who is signed in, how recently, and no window that opened them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from token_core.sessions.account import is_recent
from token_core.web.page_route import PageRoute, SignInFirst

if TYPE_CHECKING:
    from token_core.storage.sign_in_ports import CurrentSession
    from token_core.web.visit import Visit


class AccountRoute(PageRoute):
    """No application signs anybody in here, so no opener is owed anything (compare security_headers)."""

    headers: ClassVar[dict[str, str]] = {"Cross-Origin-Opener-Policy": "same-origin"}


async def signed_in(visit: Visit) -> CurrentSession:
    """Raises `SignInFirst` where nobody is."""
    session = await visit.session()
    if session is None:
        raise SignInFirst("account")
    return session


async def signed_in_recently(visit: Visit, page: str) -> CurrentSession:
    """For what outlasts the session, or takes the person's data along. Raises `SignInFirst`."""
    session = await visit.session()
    if session is None or not is_recent(session, visit.hosted.clock()):
        raise SignInFirst(page)
    return session
