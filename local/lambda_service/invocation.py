"""One invocation, from its payload to its result, and Lambda's errors for one that doesn't begin."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from dataclasses import dataclass, field

REQUEST_BYTES = 6 * 1_048_576
RESPONSE_BYTES = 6 * 1_048_576 + 100
ASYNCHRONOUS_REQUEST_BYTES = 1_048_576


class InvokeError(Exception):
    """An answer in Lambda's own error form: the invocation did not begin."""

    type_name = "ServiceException"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TooManyRequestsError(InvokeError):
    type_name, status = "TooManyRequestsException", 429


class FunctionNotFoundError(InvokeError):
    type_name, status = "ResourceNotFoundException", 404


class RequestTooLargeError(InvokeError):
    type_name, status = "RequestTooLargeException", 413


class InvalidRequestContentError(InvokeError):
    type_name, status = "InvalidRequestContentException", 400


@dataclass(frozen=True)
class InvocationResult:
    """`function_error` is "Unhandled" when the function failed; `payload` is then Lambda's description of it."""

    request_id: str
    payload: bytes
    function_error: str | None
    duration_ms: float
    sandbox: str


def new_trace_id() -> str:
    """X-Ray's header form, not sampled."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"


@dataclass(eq=False)
class Invocation:
    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = field(default_factory=new_trace_id)
    started: float = 0.0
    deadline_ms: int = 0
    sandbox: str = ""
    result: asyncio.Future[InvocationResult] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def start(self, sandbox: str, timeout_seconds: float) -> None:
        self.sandbox = sandbox
        self.started = time.monotonic()
        self.deadline_ms = time.time_ns() // 1_000_000 + int(timeout_seconds * 1000)

    def finish(self, payload: bytes, function_error: str | None = None) -> None:
        if not self.result.done():
            duration_ms = (time.monotonic() - self.started) * 1000 if self.started else 0.0
            result = InvocationResult(self.request_id, payload, function_error, duration_ms, self.sandbox)
            self.result.set_result(result)

    def fail(self, error_type: str, message: str) -> None:
        """Ends it with an error of the service's own making, as the function can't speak for itself."""
        description = {"errorType": error_type, "errorMessage": f"RequestId: {self.request_id} Error: {message}"}
        self.finish(json.dumps(description).encode(), "Unhandled")
