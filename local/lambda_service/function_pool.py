"""A function: its sandboxes, those who wait for one, and its figures."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING

from local.lambda_service.invocation import Invocation, InvocationResult, TooManyRequestsError
from local.lambda_service.sandbox import Sandbox
from local.lambda_service.state import FunctionState

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from local.lambda_service.definitions import FunctionDefinition
    from local.lambda_service.settings import LambdaSettings


class FunctionPool:
    """Where Lambda would start another sandbox, an invocation waits here for one of the fixed number."""

    def __init__(
        self,
        definition: FunctionDefinition,
        settings: LambdaSettings,
        starts: asyncio.Semaphore,
        on_change: Callable[[], None],
    ) -> None:
        self.definition = definition
        self.changed = on_change
        self.sandboxes = [
            Sandbox(f"{definition.name}.{n}", definition, settings, self, starts)
            for n in range(1, definition.processes + 1)
        ]
        self._idle: deque[Sandbox] = deque()
        self._waiting: deque[Invocation] = deque()
        self._under_way = 0
        self._invocations = self._errors = self._timeouts = self._throttles = 0
        self._last_duration_ms: float | None = None
        self._last_error: str | None = None

    def state(self) -> FunctionState:
        return FunctionState(
            name=self.definition.name,
            invocations=self._invocations,
            errors=self._errors,
            timeouts=self._timeouts,
            throttles=self._throttles,
            waiting=len(self._waiting),
            last_duration_ms=self._last_duration_ms,
            last_error=self._last_error,
            sandboxes=tuple(sandbox.state() for sandbox in self.sandboxes),
        )

    async def invoke(self, payload: bytes) -> InvocationResult:
        """Raises: TooManyRequestsError when `reserved_concurrency` invocations are under way or wait."""
        reserved = self.definition.reserved_concurrency
        if reserved is not None and self._under_way >= reserved:
            self._throttles += 1
            self.changed()
            raise TooManyRequestsError("Rate Exceeded.")
        invocation = Invocation(payload)
        self._under_way += 1
        self._invocations += 1
        try:
            self._waiting.append(invocation)
            self._match()
            result = await invocation.result
        finally:
            self._under_way -= 1
            with contextlib.suppress(ValueError):
                self._waiting.remove(invocation)
        self._last_duration_ms = result.duration_ms
        if result.function_error is not None:
            self._errors += 1
            self._timeouts += b"Sandbox.Timedout" in result.payload
            self._last_error = result.payload[:500].decode(errors="replace")
        self.changed()
        return result

    def fail_waiting(self, error_type: str, message: str) -> None:
        while self._waiting:
            self._waiting.popleft().fail(error_type, message)

    def offer(self, sandbox: Sandbox) -> None:
        """The sandbox asks for its next invocation."""
        self._idle.append(sandbox)
        self._match()

    def withdraw(self, sandbox: Sandbox) -> None:
        with contextlib.suppress(ValueError):
            self._idle.remove(sandbox)

    def start_failed(self, sandbox: Sandbox, description: bytes) -> None:
        """Answers those who wait, unless another sandbox of the function lives and will."""
        if not any(other.is_ready for other in self.sandboxes if other is not sandbox):
            while self._waiting:
                self._waiting.popleft().finish(description, "Unhandled")

    def _match(self) -> None:
        while self._idle and self._waiting:
            invocation = self._waiting.popleft()
            if not invocation.result.done():
                self._idle.popleft().assign(invocation)
