"""X-Request-ID: taken from the caller where it is harmless, else made; always answered; in every log line."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from shared.clock import monotonic_seconds
from shared.ids import new_id
from shared.logging import request_id

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = logging.getLogger("functions.admin_api.requests")


class RequestIds:
    """Outermost: whatever happens inside has the id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = _given(scope) or str(new_id())
        scope.setdefault("state", {})["request_id"] = identifier
        # Nobody signs in here by cookie, and FastAPI would read them in quadratic time (CVE-2024-7592).
        scope["headers"] = [header for header in scope["headers"] if header[0] != b"cookie"]
        started, status = monotonic_seconds(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", identifier.encode())]
            await send(message)

        token = request_id.set(identifier)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            milliseconds = round((monotonic_seconds() - started) * 1000, 1)
            _log.info(
                "request",
                extra={"method": scope["method"], "path": scope["path"], "status": status, "duration_ms": milliseconds},
            )
            request_id.reset(token)


def _given(scope: Scope) -> str | None:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"]
    return values[0] if len(values) == 1 and _ACCEPTED.fullmatch(values[0]) else None
