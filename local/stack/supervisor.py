"""Starts, watches, restarts and stops processes; each in its own session, so that a whole family can be ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from local.engines.process import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

State = Literal["waiting", "starting", "running", "backing off", "stopping", "stopped"]
_FIRST_BACK_OFF_SECONDS = 0.2
_LONGEST_BACK_OFF_SECONDS = 10.0
_HEALTHY_AFTER_SECONDS = 30.0


@dataclass(frozen=True)
class ProcessSpec:
    """How one process is started and known to be ready."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], Awaitable[bool]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 15.0
    note: str = ""


@dataclass
class Supervised:
    """One process through all its lives."""

    spec: ProcessSpec
    say: Callable[[str], None]
    on_change: Callable[[], None]
    state: State = "waiting"
    pid: int | None = None
    restarts: int = 0
    last_exit: str = ""
    started_at: float = 0.0
    _process: asyncio.subprocess.Process | None = None
    _watcher: asyncio.Task[None] | None = None
    _wanted: bool = False

    async def start(self) -> None:
        """Start it and keep it running until `stop`."""
        self._wanted = True
        await self._launch()
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self.spec.name}")

    async def wait_until_ready(self, timeout_seconds: float = 60.0) -> None:
        """Returns when it answers; raises TimeoutError with the end of its log when it doesn't."""
        deadline = time.monotonic() + timeout_seconds
        while self.state != "running":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.spec.name} is not ready after {timeout_seconds:.0f} s:\n{self.log_tail()}")
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Ask it to stop, wait, and end what is left of its family."""
        self._wanted = False
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        process = self._process
        if process is not None and process.returncode is None:
            self._become("stopping")
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self.spec.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), self.spec.stop_timeout_seconds)
            except TimeoutError:
                self.say(f"{self.spec.name} didn't stop within {self.spec.stop_timeout_seconds:.0f} s and was ended")
        self._end_family()
        if process is not None:
            await process.wait()
        self._become("stopped")

    def log_tail(self, characters: int = 1500) -> str:
        return self.spec.log.read_text(errors="replace")[-characters:] if self.spec.log.exists() else ""

    async def _launch(self) -> None:
        self._become("starting")
        with self.spec.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.spec.env},
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self.pid = self._process.pid
        self.started_at = time.monotonic()
        self.on_change()
        asyncio.create_task(self._notice_readiness(self.pid), name=f"readiness {self.spec.name}")  # noqa: RUF006  ends with its process

    async def _notice_readiness(self, pid: int) -> None:
        while self.pid == pid and self.state == "starting":
            if self.spec.is_ready is None or await self.spec.is_ready():
                if self.pid == pid and self.state == "starting":
                    self._become("running")
                return
            await asyncio.sleep(0.05)

    async def _watch(self) -> None:
        back_off = _FIRST_BACK_OFF_SECONDS
        while True:
            assert self._process is not None
            status = await self._process.wait()
            if not self._wanted:
                return
            if time.monotonic() - self.started_at > _HEALTHY_AFTER_SECONDS:
                back_off = _FIRST_BACK_OFF_SECONDS
            self.last_exit = _describe(status)
            # A killed parent leaves children behind that hold its port.
            self._end_family()
            self.pid = None
            self._become("backing off")
            self.say(f"{self.spec.name} ended ({self.last_exit}); starting it again in {back_off:.1f} s")
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, _LONGEST_BACK_OFF_SECONDS)
            self.restarts += 1
            await self._launch()

    def _end_family(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _become(self, state: State) -> None:
        self.state = state
        self.on_change()


def _describe(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
