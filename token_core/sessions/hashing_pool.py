"""Password hashing outside the event loop (P8): own low-priority processes behind a bounded queue.

Two lanes: browsers that an account knows go first, each lane has its own bound, and who waited too long is told so. A
process that dies is replaced, and its job done once more by the next one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from shared.clock import monotonic_seconds
from token_core.metrics import hashing_waiting
from token_core.sessions.hashing_worker import LENGTH_BYTES

_log = logging.getLogger(__name__)
_START_SECONDS = 60.0
_RESTART_PAUSES_SECONDS = (0.05, 0.2, 1.0, 5.0)


class HashingOverloaded(Exception):
    """The queue is full, or the job's turn didn't come in time. Try again after `retry_after_seconds`."""

    retry_after_seconds = 5


@dataclass(frozen=True, slots=True)
class HashingParameters:
    """Argon2id's cost (OWASP Password Storage: at least 19 MiB, two passes, one lane), and how much of it at once."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1
    processes: int = 1
    nice: int = 10
    queue_size: int = 64  # per lane
    wait_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Verification:
    matches: bool
    outdated: bool  # made with other parameters: hash the password anew


@dataclass(slots=True)
class _Job:
    body: dict[str, Any]
    answer: asyncio.Future[dict[str, Any]]
    expires_at: float
    has_failed_once: bool = False


@dataclass(slots=True)
class _Lanes:
    """Jobs that wait: the known devices' lane is emptied first."""

    size: int
    known: deque[_Job] = field(default_factory=deque)
    unknown: deque[_Job] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def note_depth(self) -> None:
        """For /metrics; a job that was given up counts until its turn."""
        hashing_waiting.labels("known").set(len(self.known))
        hashing_waiting.labels("unknown").set(len(self.unknown))

    def put(self, job: _Job, *, is_known: bool) -> None:
        lane = self.known if is_known else self.unknown
        if len(lane) >= self.size:
            raise HashingOverloaded
        lane.append(job)
        self.note_depth()
        self.arrived.set()

    async def take(self) -> _Job:
        while True:
            for lane in (self.known, self.unknown):
                while lane:
                    job = lane.popleft()
                    self.note_depth()
                    if job.answer.done():  # given up by who asked
                        continue
                    if monotonic_seconds() <= job.expires_at:
                        return job
                    job.answer.set_exception(HashingOverloaded())
            self.arrived.clear()
            await self.arrived.wait()


class HashingPool:
    """Hashes and verifies passwords. `start()` first, `close()` last; the processes end with their parent anyway."""

    def __init__(self, parameters: HashingParameters) -> None:
        self._parameters = parameters
        self._lanes = _Lanes(parameters.queue_size)
        self._keepers: list[asyncio.Task[None]] = []
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._dummy: str | None = None

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._processes.values() if process.returncode is None)

    @property
    def waiting(self) -> int:
        """Jobs in the queue, for the metrics."""
        return len(self._lanes.known) + len(self._lanes.unknown)

    async def start(self) -> None:
        self._lanes.note_depth()
        self._keepers = [asyncio.create_task(self._keep(place)) for place in range(self._parameters.processes)]
        job = {"op": "hash", "password": "a password that nobody has"}
        self._dummy = (await self._do(job, is_known=True, wait_seconds=_START_SECONDS))["hash"]

    async def close(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for job in (*self._lanes.known, *self._lanes.unknown):
            if not job.answer.done():
                job.answer.set_exception(HashingOverloaded())

    async def hash(self, password: str) -> str:
        """Argon2id in PHC form. Goes first: whoever sets a password has proved more than a stranger who signs in.

        Raises:
            HashingOverloaded: no room, or no turn in time.
        """
        answer = await self._do({"op": "hash", "password": password}, is_known=True)
        return str(answer["hash"])

    async def verify(self, password: str, hashed: str | None, *, is_known_device: bool) -> Verification:
        """Exactly one hash is computed, also where there is none to compare with (None): the answer is then no.

        Raises:
            HashingOverloaded: no room, or no turn in time.
        """
        if self._dummy is None:
            raise HashingOverloaded
        job = {"op": "verify", "password": password, "hash": hashed or self._dummy}
        answer = await self._do(job, is_known=is_known_device)
        if hashed is None:
            return Verification(matches=False, outdated=False)
        return Verification(matches=answer["matches"], outdated=answer["outdated"])

    async def _do(self, body: dict[str, Any], *, is_known: bool, wait_seconds: float | None = None) -> dict[str, Any]:
        wait = wait_seconds or self._parameters.wait_seconds
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        job = _Job(body, future, monotonic_seconds() + wait)
        self._lanes.put(job, is_known=is_known)
        try:
            return await asyncio.wait_for(future, wait)
        except TimeoutError:
            raise HashingOverloaded from None

    async def _keep(self, place: int) -> None:
        """Keep one process alive: start it, feed it, start it again."""
        failures = 0
        while True:
            process = await self._spawn()
            self._processes[place] = process
            try:
                async for _ in self._feed(process):
                    failures = 0
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        os.kill(
                            process.pid, signal.SIGKILL
                        )  # Process.kill() would steal the exit code from asyncio's watcher
                await process.wait()
            _log.warning("a password hashing process ended; starting another", extra={"exit_code": process.returncode})
            await asyncio.sleep(_RESTART_PAUSES_SECONDS[min(failures, len(_RESTART_PAUSES_SECONDS) - 1)])
            failures += 1

    async def _spawn(self) -> asyncio.subprocess.Process:
        p = self._parameters
        arguments = (str(number) for number in (p.nice, p.memory_kib, p.passes, p.lanes))
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "token_core.sessions.hashing_worker", *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def _feed(self, process: asyncio.subprocess.Process) -> Any:
        """Hand over one job after the other, until the process dies. Yields after each answer."""
        gone = asyncio.create_task(process.wait())
        try:
            while not gone.done():
                take = asyncio.create_task(self._lanes.take())
                await asyncio.wait({gone, take}, return_when=asyncio.FIRST_COMPLETED)
                if not take.done():
                    take.cancel()
                    return
                job = take.result()
                try:
                    answer = await _exchange(process, job.body)
                except (OSError, EOFError):
                    self._repeat(job)
                    return
                if not job.answer.done():
                    job.answer.set_result(answer)
                yield None
        finally:
            gone.cancel()

    def _repeat(self, job: _Job) -> None:
        if job.has_failed_once:
            if not job.answer.done():
                job.answer.set_exception(HashingOverloaded())
            return
        job.has_failed_once = True
        self._lanes.known.appendleft(job)
        self._lanes.note_depth()
        self._lanes.arrived.set()


async def _exchange(process: asyncio.subprocess.Process, body: dict[str, Any]) -> dict[str, Any]:
    """Raises `OSError` or `EOFError` (as `asyncio.IncompleteReadError`) where the process is gone."""
    assert process.stdin is not None
    assert process.stdout is not None
    encoded = json.dumps(body).encode()
    process.stdin.write(len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
    answer: dict[str, Any] = json.loads(await process.stdout.readexactly(length))
    return answer
