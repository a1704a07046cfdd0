"""The sent mail of a local stack, as a person would read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.web.server import Pages

# A mail's HTML is shown in a frame of its own that may run nothing and load nothing.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-top-navigation-by-user-activation"
)


class Mailbox:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/mailbox", self._list),
            Route("/mailbox/{message_id}", self._show),
            Route("/mailbox/{message_id}/html", self._html),
        ]

    async def _list(self, request: Request) -> Response:
        to = request.query_params.get("to", "")
        try:
            found = await self._get("", {"limit": "200", **({"to": to} if to else {})})
        except httpx.HTTPError:
            return self._away()
        messages = found["messages"] if isinstance(found, dict) else found
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"messages": messages})
        return self._pages.render("mailbox.html", messages=messages, to=to)

    async def _show(self, request: Request) -> Response:
        try:
            message = await self._get("/" + request.path_params["message_id"])
        except httpx.HTTPStatusError:
            return self._pages.render("message_missing.html", 404)
        except httpx.HTTPError:
            return self._away()
        return self._pages.render("message.html", message=message)

    async def _html(self, request: Request) -> Response:
        try:
            message = await self._get("/" + request.path_params["message_id"])
        except httpx.HTTPError:
            return HTMLResponse("", 404)
        return HTMLResponse(message.get("html") or "", headers={"Content-Security-Policy": _MAIL_POLICY})

    async def _get(self, path: str, parameters: dict[str, str] | None = None) -> Any:
        answer = await self._pages.view.http.get(self._pages.view.mailbox_url + path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def _away(self) -> Response:
        return self._pages.render("away.html", 503, what="The AWS endpoint, which keeps the mail,")
