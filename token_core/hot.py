"""Dispatches the hot endpoints before FastAPI, whose per-request machinery costs more than signing a token does.

A hot handler is `async (HotRequest, Services) -> HotResponse`. The rest goes on to the FastAPI app. Both ways get
here what every answer has: a request id, a metric, a log line without the query, and errors in the protocol's form.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.clock import monotonic_seconds
from shared.ids import new_request_id
from shared.logging import request_id as request_id_of_log
from token_core.access_log import log_request
from token_core.errors import OAuthError, ServerError, TemporarilyUnavailable
from token_core.metrics import observe_request
from token_core.protocol import cors
from token_core.protocol.form import MAX_BODY_BYTES

if TYPE_CHECKING:
    from token_core.services import Services

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_REQUEST_ID = re.compile(rb"(?!ap_)[A-Za-z0-9._-]{8,64}")  # it is logged: a secret in the wrong header is not one
_fault_log = logging.getLogger("token_core.fault")
NO_STORE: Headers = [(b"cache-control", b"no-store"), (b"pragma", b"no-cache")]
_JSON = (b"content-type", b"application/json")


class ClientGone(Exception):
    """The client hung up before its body was read."""


@dataclass(slots=True)
class HotRequest:
    """A request as a hot handler sees it."""

    method: str
    headers: Headers
    request_id: str
    receive: Receive
    client_address: str | None = None
    response_headers: Headers = field(default_factory=list)  # put on the answer, also on an error's
    _by_name: dict[bytes, bytes] | None = None

    def header(self, name: bytes) -> bytes | None:
        """The value of a header that may be given once.

        Raises:
            OAuthError: it is there twice.
        """
        if self._by_name is None:
            self._by_name = dict(self.headers)
        value = self._by_name.get(name)
        if (
            value is not None
            and len(self._by_name) != len(self.headers)
            and sum(key == name for key, _ in self.headers) > 1
        ):
            raise OAuthError("A header is given more than once.", detail="repeated_header")
        return value

    async def body(self, limit: int = MAX_BODY_BYTES) -> bytes:
        """The whole body.

        Raises:
            OAuthError: it is longer than `limit` bytes (413).
            ClientGone: it never came whole.
        """
        message = await self.receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            whole: bytes = message.get("body", b"")
        else:
            parts, size = [], 0
            while True:
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise OAuthError("The body is too large.", detail="body_too_large", status=413)
                parts.append(part)
                if not message.get("more_body"):
                    break
                message = await self.receive()
            whole = b"".join(parts)
        if len(whole) > limit:
            raise OAuthError("The body is too large.", detail="body_too_large", status=413)
        return whole


@dataclass(slots=True)
class HotResponse:
    status: int
    body: bytes
    headers: Headers


Handler = Callable[[HotRequest, "Services"], Awaitable[HotResponse]]


@dataclass(frozen=True, slots=True)
class HotRoute:
    """Other methods are 405. `cors`: None, "public" (anyone may read) or "registered" (browser clients)."""

    handler: Handler
    methods: tuple[str, ...]
    cors: str | None = None


def json_response(content: object, status: int = 200, headers: Headers | None = None) -> HotResponse:
    body = json.dumps(content, separators=(",", ":")).encode()
    return HotResponse(status, body, [_JSON, *(NO_STORE if headers is None else headers)])


def error_response(error: OAuthError) -> HotResponse:
    """RFC 6749 5.2, for every error there is."""
    headers = list(NO_STORE)
    if error.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="token endpoint", charset="UTF-8"'))
    if error.retry_after_seconds is not None:
        headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
    return json_response(error.body(), error.status, headers)


class HotPaths:
    """The outermost ASGI app. `services` is set by the lifespan, before the first request."""

    def __init__(self, app: App, routes: Mapping[str, HotRoute]) -> None:
        self._app, self._routes = app, routes
        self.services: Services | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, identifier = monotonic_seconds(), _request_id(scope["headers"])
        mark = request_id_of_log.set(identifier)
        route = self._routes.get(scope["path"])
        try:
            if route is not None and self.services is not None:
                endpoint, status = (
                    scope["path"],
                    await self._answer(route, self.services, scope, receive, send, identifier),
                )
            else:
                endpoint, status = await self._pass_on(scope, receive, send, identifier)
            seconds = monotonic_seconds() - began
            observe_request(endpoint, scope["method"], status, seconds)
            log_request(identifier, scope["method"], endpoint, status, seconds)
        finally:
            request_id_of_log.reset(mark)

    async def _answer(
        self, route: HotRoute, services: Services, scope: Scope, receive: Receive, send: Send, identifier: str
    ) -> int:
        client = scope.get("client")
        request = HotRequest(scope["method"], scope["headers"], identifier, receive, client[0] if client else None)
        try:
            response = await self._handle(route, request, services)
        except ClientGone:
            return 499
        headers = response.headers + request.response_headers
        headers.append((b"content-length", str(len(response.body)).encode()))
        headers.append((b"x-request-id", identifier.encode()))
        body = b"" if request.method == "HEAD" else response.body
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return response.status

    async def _handle(self, route: HotRoute, request: HotRequest, services: Services) -> HotResponse:
        try:
            if route.cors == "public":
                request.response_headers = cors.public_headers()
            elif route.cors == "registered":
                origin = request.header(b"origin")
                origins = await services.authority.origins() if origin is not None else frozenset()
                if request.method == "OPTIONS":
                    return HotResponse(204, b"", cors.preflight_headers(origin, origins))
                request.response_headers = cors.response_headers(origin, origins)
            if request.method not in route.methods:
                allow = (b"allow", ", ".join(route.methods).encode())
                return json_response(OAuthError("This method is not allowed here.").body(), 405, [*NO_STORE, allow])
            return await route.handler(request, services)
        except OAuthError as error:
            if error.status >= 500:
                _fault_log.warning("unavailable", extra={"detail": error.detail})
            return error_response(error)
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the answer has the protocol's form
            _fault_log.exception("unexpected failure")
            return error_response(ServerError())

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, identifier: str) -> tuple[str, int]:
        status, started = 500, False

        async def send_marked(message: MutableMapping[str, Any]) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identifier.encode())]
            await send(message)

        scope.setdefault("state", {})["request_id"] = identifier
        # No cookie of ours is quoted, and http.cookies, by which FastAPI reads them before any route does, takes quotes
        # off in time that grows with the square of what anybody may send (CVE-2024-7592).
        scope["headers"] = [
            (name, value.replace(b'"', b"") if name == b"cookie" else value) for name, value in scope["headers"]
        ]
        try:
            await self._app(scope, receive, send_marked)
        except Exception:
            _fault_log.exception("unexpected failure")
            if started:
                raise
            response = error_response(ServerError() if self.services is not None else TemporarilyUnavailable())
            await send_marked({"type": "http.response.start", "status": response.status, "headers": response.headers})
            await send({"type": "http.response.body", "body": response.body})
        endpoint = getattr(scope.get("route"), "path", None)
        return endpoint if isinstance(endpoint, str) else "unmatched", status


def _request_id(headers: Headers) -> str:
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode()
    return new_request_id()
