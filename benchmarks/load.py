"""The load: closed-loop keep-alive connections. wrk where it is installed and every request is the same; else ours.

Ours knows the answer's body, so that a refresh can send on what the last one gave it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

_log = logging.getLogger("benchmarks.load")
NextRequest = Callable[[int, bytes], bytes]
"""From a connection's number and the last answer's body (empty at first) to its next request."""
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """One HTTP request, sent again and again."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def raw(self, host: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", *(f"{k}: {v}" for k, v in self.headers)]
        if self.method == "POST":
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


@dataclass(frozen=True)
class Load:
    """What one round did. `errors`: answers other than 200, and connections that broke."""

    requests: int
    errors: int
    seconds: float


def drive(port: int, request: Request, connections: int, seconds: float) -> Load:
    """The same request over and over."""
    if shutil.which("wrk"):
        return _wrk(port, request, connections, seconds)
    raw = request.raw(f"127.0.0.1:{port}")
    return drive_each(port, lambda _connection, _body: raw, connections, seconds)


def _wrk(port: int, request: Request, connections: int, seconds: float) -> Load:
    script = f"wrk.method = {_lua(request.method)}\nwrk.body = {_lua(request.body)}\n"
    script += "".join(f"wrk.headers[{_lua(name)}] = {_lua(value)}\n" for name, value in request.headers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "request.lua"
        path.write_text(script)
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds:.0f}s", "-s", str(path)]
        text = subprocess.run(
            [*command, f"http://127.0.0.1:{port}{request.path}"], capture_output=True, text=True, check=True
        ).stdout
    done = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", text)
    assert done, text
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = int(refused[1]) if refused else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    unit = {"ms": 0.001, "s": 1.0, "m": 60.0}[done[3]]
    return Load(int(done[1]), errors, float(done[2]) * unit)


def _lua(text: str) -> str:
    return " [==[" + text + "]==] "


class _Connection(asyncio.Protocol):
    """One request after the other."""

    def __init__(self, number: int, next_request: NextRequest, until: float) -> None:
        self._number, self._next, self._until = number, next_request, until
        self._buffer = bytearray()
        self.requests = self.errors = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._next(self._number, b""))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(self._buffer, 0, end)
        assert found, bytes(self._buffer[:end])
        size = end + 4 + int(found[1])
        if len(self._buffer) < size:
            return
        is_ok = self._buffer[9:12] == b"200"
        body = bytes(self._buffer[end + 4 : size])
        del self._buffer[:size]
        self.requests += 1
        self.errors += not is_ok
        if not is_ok:
            _log.warning("%s", body[:200])
        following = self._next(self._number, body) if is_ok else b""  # asked for after the last one too: it learns
        if not is_ok or time.monotonic() >= self._until:
            self._transport.close()
        else:
            self._transport.write(following)

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self.errors += 1
        if not self.done.done():
            self.done.set_result(None)


def drive_each(port: int, next_request: NextRequest, connections: int, seconds: float) -> Load:
    """Each connection's request follows from the answer before."""

    async def run() -> Load:
        loop, began = asyncio.get_running_loop(), time.monotonic()
        protocols = [_Connection(number, next_request, began + seconds) for number in range(connections)]
        for protocol in protocols:
            await loop.create_connection(lambda protocol=protocol: protocol, "127.0.0.1", port)
        await asyncio.wait_for(asyncio.gather(*(protocol.done for protocol in protocols)), seconds + 30)
        return Load(
            sum(one.requests for one in protocols), sum(one.errors for one in protocols), time.monotonic() - began
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
