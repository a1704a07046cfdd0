"""An answer that comes before the body was read must not leave that body in the connection (RFC 9112 9.3).

A client that asked by `Expect: 100-continue` (RFC 9110 10.1.1) and got a final answer may or may not send its body:
such a connection is closed. Any other client is sending it already: it is read and dropped, so that the client sees the
answer, not a reset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class UnreadBodies:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_unread = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        is_asking = headers.get("expect", "").lower() == "100-continue"

        async def watched_receive() -> Message:
            nonlocal is_unread, is_asking
            is_asking = False  # from now on the server has told it to continue
            message = await receive()
            if not message.get("more_body"):
                is_unread = False
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start" and is_unread:
                if is_asking:
                    message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
                else:
                    while is_unread:
                        await watched_receive()
            await send(message)

        await self._app(scope, watched_receive, watched_send)
