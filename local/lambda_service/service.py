"""The service: everything that the definitions name, started and stopped together in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from local.lambda_service.asynchronous import AsynchronousInvoker
from local.lambda_service.event_source import EventSource
from local.lambda_service.function_pool import FunctionPool
from local.lambda_service.invocation import (
    ASYNCHRONOUS_REQUEST_BYTES,
    REQUEST_BYTES,
    FunctionNotFoundError,
    InvocationResult,
    RequestTooLargeError,
)
from local.lambda_service.schedules import ScheduleRunner
from local.lambda_service.sqs_client import SqsClient
from local.lambda_service.state import ServiceState
from local.lambda_service.state_store import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from local.lambda_service.definitions import Definitions
    from local.lambda_service.runtime_process import SandboxLog
    from local.lambda_service.settings import LambdaSettings


def _nothing() -> None:
    pass


class LambdaService:
    """For a supervisor to embed: `await start()`, then `await stop()`, in the same event loop.

    Its thread must live as long as the service: the kernel ends the runtime processes with the thread that started
    them. `on_change` is called, without arguments and in the event loop, whenever `state()` may differ: several times
    per invocation, so whoever draws should gather.
    """

    def __init__(
        self, definitions: Definitions, settings: LambdaSettings, on_change: Callable[[], None] = _nothing
    ) -> None:
        self._definitions = definitions
        self._settings = settings
        self._on_change = on_change
        self._pools: dict[str, FunctionPool] = {}
        self._sources: list[EventSource] = []
        self._schedules: list[ScheduleRunner] = []
        self._feeding: list[asyncio.Task[None]] = []
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Returns when all is being started; sandboxes take their time (`wait_ready`).

        Raises: sqlite3.OperationalError when another process uses the same state_dir.
        """
        settings = self._settings
        self._store = StateStore(settings.state_dir)
        self._client = SqsClient(settings)
        starts = asyncio.Semaphore(settings.concurrent_starts)
        for definition in self._definitions.functions:
            self._pools[definition.name] = FunctionPool(definition, settings, starts, self._on_change)
        self._invoker = AsynchronousInvoker(self._store, self.invoke, settings.asynchronous_retry_seconds)
        for mapping in self._definitions.mappings:
            pool = self._pools[mapping.function]
            self._sources.append(EventSource(mapping, pool.definition, self._client, pool.invoke, self._on_change))
        for schedule in self._definitions.schedules:
            self._schedules.append(ScheduleRunner(schedule, settings, self._store, self._invoker))
        sandboxes = [sandbox for pool in self._pools.values() for sandbox in enumerate(pool.sandboxes)]
        for _, sandbox in sorted(sandboxes, key=lambda pair: pair[0]):
            self._running.append(asyncio.create_task(sandbox.run()))
        feeders: list[Coroutine[Any, Any, None]] = [source.run() for source in self._sources]
        feeders += [runner.run() for runner in self._schedules]
        self._feeding = [asyncio.create_task(feeder) for feeder in (*feeders, self._invoker.run())]

    async def stop(self) -> None:
        """Polls no more, gives what is under way `stop_grace_seconds`, then ends every process."""
        await _cancel(self._feeding)
        busy: tuple[EventSource | AsynchronousInvoker, ...] = (*self._sources, self._invoker)
        with contextlib.suppress(TimeoutError):
            drains = asyncio.gather(*(one.drain() for one in busy))
            await asyncio.wait_for(drains, self._settings.stop_grace_seconds)
        for one in busy:
            one.abandon()
        await asyncio.gather(*(one.drain() for one in busy))
        await _cancel(self._running)
        for pool in self._pools.values():
            pool.fail_waiting("ServiceException", "The service is stopping.")
        await self._client.aclose()
        self._store.close()

    async def wait_ready(self, timeout_seconds: float = 60) -> None:
        """Until every function has a sandbox that waits for work. Raises: TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            while not all(  # noqa: ASYNC110 - readiness is many sandboxes' together
                any(one.is_ready for one in pool.sandboxes) for pool in self._pools.values()
            ):
                await asyncio.sleep(0.02)

    async def invoke(self, function: str, payload: bytes) -> InvocationResult:
        """Invokes and waits for the result. Raises: InvokeError when it doesn't begin."""
        pool = self._pool(function)
        if len(payload) > REQUEST_BYTES:
            raise RequestTooLargeError(f"Request must be smaller than {REQUEST_BYTES} bytes for the Invoke operation.")
        return await pool.invoke(payload)

    def invoke_asynchronously(self, function: str, payload: bytes) -> None:
        """Queues an invocation; durable when this returns. Raises: InvokeError."""
        self._pool(function)
        if len(payload) > ASYNCHRONOUS_REQUEST_BYTES:
            message = f"Request must be smaller than {ASYNCHRONOUS_REQUEST_BYTES} bytes for an asynchronous invocation."
            raise RequestTooLargeError(message)
        self._invoker.add(function, payload)

    def check_exists(self, function: str) -> None:
        """Raises: FunctionNotFoundError."""
        self._pool(function)

    def sandbox_log(self, name: str) -> SandboxLog:
        """The log of the sandbox `<function>.<n>`."""
        function, _, number = name.rpartition(".")
        return self._pools[function].sandboxes[int(number) - 1].log

    def processes(self) -> dict[str, int]:
        """The process ids of the living runtime processes by sandbox name."""
        sandboxes = [sandbox.state() for pool in self._pools.values() for sandbox in pool.sandboxes]
        return {sandbox.name: sandbox.pid for sandbox in sandboxes if sandbox.pid is not None}

    def state(self) -> ServiceState:
        return ServiceState(
            functions=tuple(pool.state() for pool in self._pools.values()),
            mappings=tuple(source.state() for source in self._sources),
            schedules=tuple(runner.state() for runner in self._schedules),
        )

    def _pool(self, function: str) -> FunctionPool:
        pool = self._pools.get(function)
        if pool is None:
            raise FunctionNotFoundError(f"Function not found: {self._settings.function_arn(function)}")
        return pool


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
