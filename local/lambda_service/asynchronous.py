"""Asynchronous invocations: queued durably, tried up to three times (developer guide, "Asynchronous invocation")."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from local.lambda_service.invocation import InvocationResult, InvokeError, TooManyRequestsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from local.lambda_service.state_store import AsynchronousInvocation, StateStore

log = logging.getLogger(__name__)
THROTTLED_PAUSE_MS = 1000


class AsynchronousInvoker:
    """A failing function is tried again after each pause of `retry_seconds`; a throttled one until it gets through."""

    def __init__(
        self,
        store: StateStore,
        invoke: Callable[[str, bytes], Awaitable[InvocationResult]],
        retry_seconds: tuple[float, ...],
    ) -> None:
        self._store = store
        self._invoke = invoke
        self._retry_seconds = retry_seconds
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()

    def add(self, function: str, payload: bytes) -> None:
        """Durable when it returns."""
        self._store.add_asynchronous(function, payload, _now_ms())
        self.wake()

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Begins what is due, until cancelled."""
        while True:
            self._news.clear()
            waiting = [one for one in self._store.asynchronous() if one.id not in self._under_way]
            for one in waiting:
                if one.due_ms <= _now_ms():
                    self._under_way[one.id] = asyncio.ensure_future(self._attempt(one))
            later = [one.due_ms - _now_ms() for one in waiting if one.id not in self._under_way]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), max(0.001, min(later) / 1000) if later else None)

    async def drain(self) -> None:
        """Waits for what is under way."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def abandon(self) -> None:
        """What is under way is invoked again after the next start."""
        for task in self._under_way.values():
            task.cancel()

    async def _attempt(self, one: AsynchronousInvocation) -> None:
        try:
            failure = await self._failure(one)
            attempts = one.attempts + 1
            if failure is None:
                self._store.forget_asynchronous(one.id)
            elif failure == "throttled":
                self._store.retry_asynchronous(one.id, one.attempts, _now_ms() + THROTTLED_PAUSE_MS)
            elif attempts > len(self._retry_seconds):
                log.error(
                    "asynchronous invocation of %s given up after %d attempts: %s", one.function, attempts, failure
                )
                self._store.forget_asynchronous(one.id)
            else:
                due_ms = _now_ms() + int(self._retry_seconds[attempts - 1] * 1000)
                self._store.retry_asynchronous(one.id, attempts, due_ms)
        finally:
            del self._under_way[one.id]
            self.wake()

    async def _failure(self, one: AsynchronousInvocation) -> str | None:
        try:
            result = await self._invoke(one.function, one.payload)
        except TooManyRequestsError:
            return "throttled"
        except InvokeError as error:
            return error.message
        return None if result.function_error is None else result.payload[:500].decode(errors="replace")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
