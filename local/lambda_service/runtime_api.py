"""The Lambda Runtime API, version 2018-06-01, of one sandbox (developer guide, "Using the Lambda runtime API")."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Protocol

from local.lambda_service.invocation import RESPONSE_BYTES
from local.lambda_service.runtime_http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from local.lambda_service.invocation import Invocation

PREFIX = "/2018-06-01/runtime/"
OUTCOME = re.compile(r"invocation/([0-9a-f-]{36})/(response|error)")


class RuntimeSide(Protocol):
    """What the API needs of its sandbox."""

    function_arn: str

    @property
    def current(self) -> Invocation | None: ...

    async def next_invocation(self) -> Invocation: ...

    def completed(self, payload: bytes, function_error: str | None) -> None: ...

    def init_failed(self, description: bytes) -> None: ...


class RuntimeApi:
    """Each sandbox has its own, on its own port, so that who calls is certain."""

    def __init__(self, sandbox: RuntimeSide) -> None:
        self._sandbox = sandbox

    async def handle(self, request: HttpRequest) -> HttpResponse:
        action = request.path.removeprefix(PREFIX)
        if request.method == "GET" and action == "invocation/next":
            return self._invocation(await self._sandbox.next_invocation())
        if request.method == "POST" and action == "init/error":
            self._sandbox.init_failed(request.body)
            return _accepted()
        match = OUTCOME.fullmatch(action)
        if request.method == "POST" and match:
            return self._outcome(match[1], request.body, is_error=match[2] == "error")
        return _refused(404, "InvalidResource", "No such resource of the Runtime API.")

    def _invocation(self, invocation: Invocation) -> HttpResponse:
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self._sandbox.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        return HttpResponse(200, invocation.payload, headers)

    def _outcome(self, request_id: str, body: bytes, *, is_error: bool) -> HttpResponse:
        invocation = self._sandbox.current
        if invocation is None or invocation.request_id != request_id:
            return _refused(400, "InvalidRequestID", "This sandbox has no such invocation under way.")
        if len(body) > RESPONSE_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
            description = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
            self._sandbox.completed(json.dumps(description).encode(), "Unhandled")
            return _refused(413, "RequestEntityTooLarge", message)
        self._sandbox.completed(body, "Unhandled" if is_error else None)
        return _accepted()


def _accepted() -> HttpResponse:
    return HttpResponse(202, b'{"status":"OK"}', {})


def _refused(status: int, error_type: str, message: str) -> HttpResponse:
    return HttpResponse(status, json.dumps({"errorType": error_type, "errorMessage": message}).encode(), {})
