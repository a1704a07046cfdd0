"""One sandbox: a runtime process, kept alive, that takes one invocation at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Protocol

from local.lambda_service.runtime_api import RuntimeApi
from local.lambda_service.runtime_http import serve
from local.lambda_service.runtime_process import SandboxLog, end_process, kill_group, start_process
from local.lambda_service.state import SandboxState

if TYPE_CHECKING:
    from local.lambda_service.definitions import FunctionDefinition
    from local.lambda_service.invocation import Invocation
    from local.lambda_service.settings import LambdaSettings

SHORT_LIFE_SECONDS = 5
"""A process that did no work and lived shorter than this is restarted ever more slowly."""


class Pool(Protocol):
    """What a sandbox tells the function it belongs to."""

    def offer(self, sandbox: Sandbox) -> None: ...

    def withdraw(self, sandbox: Sandbox) -> None: ...

    def start_failed(self, sandbox: Sandbox, description: bytes) -> None: ...

    def changed(self) -> None: ...


class Sandbox:
    """`<function>.<n>`: the name stays, the processes under it come and go."""

    def __init__(
        self, name: str, definition: FunctionDefinition, settings: LambdaSettings, pool: Pool, starts: asyncio.Semaphore
    ) -> None:
        self.name = name
        self.function_arn = settings.function_arn(definition.name)
        self.log = SandboxLog(settings.log_dir / f"{name}.log")
        self.restarts = 0
        self.last_error: str | None = None
        self.current: Invocation | None = None
        self._definition = definition
        self._settings = settings
        self._pool = pool
        self._starts = starts
        self._state = "waiting"
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._next: asyncio.Future[Invocation] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._init_error: bytes | None = None
        self._has_worked = False
        self._is_doomed = False

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    def state(self) -> SandboxState:
        pid = self._process.pid if self._process is not None and self._process.returncode is None else None
        return SandboxState(self.name, pid, self._state, self.restarts, self.last_error)

    async def run(self) -> None:
        """Keeps a process alive until cancelled; then ends it."""
        failures = 0
        try:
            while True:
                started = time.monotonic()
                try:
                    await self._live()
                except OSError as error:  # no process, no port or no disk to be had now
                    self.init_failed(_description("Sandbox.StartFailed", str(error)))
                is_short = not self._has_worked and time.monotonic() - started < SHORT_LIFE_SECONDS
                failures = failures + 1 if self._init_error is not None or is_short else 0
                self.restarts += 1
                if failures:
                    self._to("backing-off")
                    pause = self._settings.first_backoff_seconds * 2 ** min(failures - 1, 10)
                    await asyncio.sleep(min(pause, self._settings.longest_backoff_seconds))
        finally:
            self._to("stopped")

    async def _live(self) -> None:
        """One process, from its start to its end."""
        self._to("waiting")
        self._init_error = None
        self._has_worked = self._is_doomed = False
        self._process = None
        server = await serve(RuntimeApi(self).handle)
        try:
            async with self._starts:
                host, port = server.sockets[0].getsockname()[:2]
                self._to("starting")
                process = await start_process(self._definition, self._settings, f"{host}:{port}", self.log)
                self._process = process
                await self._initialised(process)
            await process.wait()
            self._ended(process)
        finally:
            self._pool.withdraw(self)
            server.close()
            self._ready.clear()
            if self._next is not None:
                self._next.cancel()  # its connection is left waiting
                self._next = None
            if self._process is not None:
                await asyncio.shield(end_process(self._process))
            if self.current is not None:
                self.current.fail("ServiceException", "The service is stopping.")
                self.current = None

    async def _initialised(self, process: asyncio.subprocess.Process) -> None:
        waits = [asyncio.ensure_future(self._ready.wait()), asyncio.ensure_future(process.wait())]
        try:
            done, _ = await asyncio.wait(
                waits, timeout=self._settings.init_timeout_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
        if not done:
            seconds = self._settings.init_timeout_seconds
            self.init_failed(_description("Sandbox.Timedout", f"Init timed out after {seconds:.2f} seconds"))
            kill_group(process)

    def _ended(self, process: asyncio.subprocess.Process) -> None:
        status = process.returncode or 0
        how = f"signal: {-status}" if status < 0 else f"exit status {status}"
        message = f"Runtime exited with error: {how}"
        if self._timer is not None:
            self._timer.cancel()
        if self.current is not None:
            invocation, self.current = self.current, None
            if not invocation.result.done():
                self.last_error = message
                invocation.fail("Runtime.ExitError", message)
        elif not self.is_ready and self._init_error is None and status >= 0:
            self.init_failed(_description("Runtime.ExitError", message))
        self.log.line(f"runtime process {process.pid} ended: {how}")
        if self._init_error is not None:
            self._pool.start_failed(self, self._init_error)

    def assign(self, invocation: Invocation) -> None:
        """Gives an idle sandbox its next invocation, and the time until it is killed."""
        assert self._next is not None
        timeout_seconds = self._definition.timeout_seconds
        self.current = invocation
        self._has_worked = True
        invocation.start(self.name, timeout_seconds)
        self.log.line(f"START RequestId: {invocation.request_id} Version: $LATEST")
        self._timer = asyncio.get_running_loop().call_later(timeout_seconds, self._timed_out, invocation)
        self._to("busy")
        waiting, self._next = self._next, None
        waiting.set_result(invocation)

    def _timed_out(self, invocation: Invocation) -> None:
        message = f"Task timed out after {self._definition.timeout_seconds:.2f} seconds"
        self.last_error = message
        self._is_doomed = True
        if self._process is not None:
            kill_group(self._process)
        self.log.line(f"{invocation.request_id} {message}")
        invocation.fail("Sandbox.Timedout", message)

    # What follows is called by the Runtime API.

    async def next_invocation(self) -> Invocation:
        waiting: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        self._next = waiting
        self._ready.set()
        if not self._is_doomed:
            self._to("idle")
            self._pool.offer(self)
        return await waiting

    def completed(self, payload: bytes, function_error: str | None) -> None:
        invocation, self.current = self.current, None
        assert invocation is not None
        if self._timer is not None:
            self._timer.cancel()
        if function_error is not None:
            self.last_error = _summary(payload)
        invocation.finish(payload, function_error)
        milliseconds = (time.monotonic() - invocation.started) * 1000
        self.log.line(f"END RequestId: {invocation.request_id}")
        self.log.line(f"REPORT RequestId: {invocation.request_id} Duration: {milliseconds:.2f} ms")

    def init_failed(self, description: bytes) -> None:
        self._init_error = description
        self.last_error = _summary(description)
        with contextlib.suppress(OSError):
            self.log.line(f"INIT_REPORT Status: error {self.last_error}")

    def _to(self, state: str) -> None:
        self._state = state
        self._pool.changed()


def _description(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def _summary(description: bytes) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        error = json.loads(description)
        return f"{error.get('errorType')}: {error.get('errorMessage')}"[:500]
    return "an error that is not JSON"
