"""What goes wrong behind a hosted page becomes a page: clear, nothing of the inside, and with the request's id."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi.routing import APIRoute

from shared.logging import request_id
from token_core.errors import OAuthError
from token_core.protocol.authorization_request import UnsafeRequest
from token_core.protocol.logout_request import LogoutRefused
from token_core.sessions.hashing_pool import HashingOverloaded
from token_core.web.csrf import ForeignForm
from token_core.web.hosted import hosted_of
from token_core.web.pending import PendingExpired

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request, Response


class SignInFirst(Exception):
    """Nobody is signed in, or not recently enough. `page`: where to go on afterwards (sign_in_page.NEXT)."""

    def __init__(self, page: str) -> None:
        super().__init__(page)
        self.page = page


_UNANSWERABLE = "This request can\N{RIGHT SINGLE QUOTATION MARK}t be answered"
_log = logging.getLogger("token_core.pages")


class PageRoute(APIRoute):
    """For `APIRouter(route_class=PageRoute)`. A failed answer sets no cookie and clears none."""

    headers: ClassVar[dict[str, str]] = {}  # on every answer, besides those of all pages

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await caught(request)
            response.headers.update(self.headers)
            return response

        async def caught(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInFirst as first:
                return hosted_of(request).pages.redirect(f"/sign-in?next={first.page}")
            except (UnsafeRequest, LogoutRefused) as error:
                text = f"{error.description} The application that sent you here has to mend this."
                return error_page(request, 400, _UNANSWERABLE, text)
            except ForeignForm:
                text = (
                    "The form was open too long, or did not come from this site. "
                    "Go back, load the page again and send it once more."
                )
                return error_page(request, 403, "Please send this again", text)
            except PendingExpired:
                text = (
                    "It took too long, or the address is incomplete. Go back to your application and start from there."
                )
                return error_page(request, 400, "Please start again", text)
            except HashingOverloaded as error:
                return busy_page(request, error.retry_after_seconds)
            except OAuthError as error:
                if error.status < 500:
                    return error_page(request, error.status, _UNANSWERABLE, error.description)
                _log.warning("unavailable", extra={"detail": error.detail})
                return busy_page(request, error.retry_after_seconds or 1)
            except Exception:  # noqa: BLE001 - whatever it was: a page, and the log has the rest
                _log.exception("unexpected failure")
                return error_page(
                    request, 500, "Something went wrong", "It is our fault, and it was noted. Please try again."
                )

        return answer


def busy_page(request: Request, retry_after_seconds: int) -> Response:
    text = (
        "A part of the service is out of reach, or there is too much to do. "
        "You are not signed out. Please try again in a moment."
    )
    response = error_page(request, 503, "Not available just now", text)
    response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def error_page(request: Request, status: int, title: str, text: str) -> Response:
    pages = hosted_of(request).pages
    return pages.message("failed", title, text, status=status, request_id=request_id.get())
