"""Lambda's Invoke operation as an ASGI app, for boto3's `lambda` client (API reference, Invoke)."""

from __future__ import annotations

import base64
import json
import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.lambda_service.invocation import (
    REQUEST_BYTES,
    InvalidRequestContentError,
    InvokeError,
    RequestTooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from local.lambda_service.service import LambdaService

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Answer = tuple[int, dict[str, str], bytes]

INVOCATIONS = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
FUNCTION = re.compile(
    r"(?:arn:aws:lambda:[^:]+:\d{12}:function:|\d{12}:function:|function:)?([A-Za-z0-9_-]+)(?::[^:]+)?"
)


class LambdaApi:
    """`POST /2015-03-31/functions/{name}/invocations`: RequestResponse, Event and DryRun. The service starts apart."""

    def __init__(self, service: LambdaService) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        assert scope["type"] == "http", "Lambda speaks HTTP only"
        try:
            status, headers, body = await self._answer(scope, receive)
        except InvokeError as error:
            status, headers = error.status, {"x-amzn-ErrorType": error.type_name}
            fault = "Server" if status >= 500 else "User"
            body = json.dumps({"Type": fault, "Message": error.message}).encode()
        headers = {"x-amzn-RequestId": str(uuid.uuid4()), "Content-Type": "application/json", **headers}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        encoded.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        match = INVOCATIONS.fullmatch((scope.get("raw_path") or scope["path"].encode()).decode("latin-1"))
        if match is None or scope["method"] != "POST":
            headers = {"x-amzn-ErrorType": "UnknownOperationException"}
            return 404, headers, b'{"Message": "Only POST /2015-03-31/functions/{name}/invocations is served here."}'
        named = FUNCTION.fullmatch(unquote(match[1]))
        if named is None:
            raise InvalidRequestContentError("The function's name or ARN is malformed.")
        function = named[1]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        payload = await _read_payload(receive)
        return await self._invoke(function, payload, headers)

    async def _invoke(self, function: str, payload: bytes, headers: dict[str, str]) -> Answer:
        self._service.check_exists(function)
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return 204, {}, b""
        if kind == "Event":
            self._service.invoke_asynchronously(function, payload)
            return 202, {}, b""
        if kind != "RequestResponse":
            raise InvalidRequestContentError(f"Unknown invocation type {kind}.")
        result = await self._service.invoke(function, payload)
        answer = {"x-amzn-RequestId": result.request_id, "X-Amz-Executed-Version": "$LATEST"}
        if result.function_error is not None:
            answer["X-Amz-Function-Error"] = result.function_error
        if headers.get("x-amz-log-type") == "Tail" and result.sandbox:
            tail = self._service.sandbox_log(result.sandbox).tail_of(result.request_id)
            answer["X-Amz-Log-Result"] = base64.b64encode(tail).decode()
        return 200, answer, result.payload


async def _read_payload(receive: Receive) -> bytes:
    """Raises: RequestTooLargeError; InvalidRequestContentError for what is no JSON. No payload at all is `{}`."""
    body = b""
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False) and message["type"] == "http.request"
        body += message.get("body", b"")
        if len(body) > REQUEST_BYTES:
            raise RequestTooLargeError(f"Request must be smaller than {REQUEST_BYTES} bytes for the Invoke operation.")
    try:
        json.loads(body or b"{}")
    except ValueError:
        raise InvalidRequestContentError("Could not parse request body into json.") from None
    return body or b"{}"


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
