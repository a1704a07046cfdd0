"""One foreground process: chosen port, start, readiness by polling, stop, kill; and death together with its parent."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Below the ephemeral range of Linux (32768) and macOS (49152), so that no outgoing connection takes it meanwhile;
# below 55536, because Redis' cluster bus listens on port + 10000.
_FIRST_PORT, _LAST_PORT = 15000, 22700


class ProcessDiedError(RuntimeError):
    """The process ended before it was ready; the message carries its last output."""


class NotReadyError(TimeoutError):
    """The process runs, but was not ready within the time given."""


def is_port_free(port: int) -> bool:
    """Whether nothing listens on 127.0.0.1:port (a connection that lingers in TIME_WAIT does not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(*, also_offset: int = 0) -> int:
    """A free port of 127.0.0.1 outside the ephemeral range.

    Args:
        also_offset: port + also_offset has to be free as well (Redis' cluster bus: 10000).

    Raises:
        OSError: none was found.
    """
    generator = random.SystemRandom()
    for _ in range(200):
        port = generator.randrange(_FIRST_PORT, _LAST_PORT)
        if is_port_free(port) and (not also_offset or is_port_free(port + also_offset)):
            return port
    raise OSError("no free port found on 127.0.0.1")


def die_with_parent(sig: signal.Signals = signal.SIGTERM) -> None:
    """Ask Linux to send `sig` to this process when the thread that started it ends. Elsewhere nothing happens.

    The wish survives exec, but not a change of user: call it after dropping privileges.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0)


@dataclass
class ForegroundProcess:
    """A process in its own session, so that a Ctrl-C in the terminal reaches only the one that supervises.

    Args:
        argv: the command.
        stop_signal: what asks it to stop cleanly (Postgres: SIGINT, its fast shutdown).
        log_path: where its output goes; without one it goes nowhere.
    """

    argv: Sequence[str]
    stop_signal: signal.Signals = signal.SIGTERM
    log_path: Path | None = None
    env: Mapping[str, str] | None = None
    _popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> Self:
        log: IO[bytes] | int = self.log_path.open("ab") if self.log_path else subprocess.DEVNULL
        try:
            self._popen = subprocess.Popen(
                list(self.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=dict(os.environ) | dict(self.env or {}),
            )
        finally:
            if not isinstance(log, int):
                log.close()
        return self

    @property
    def pid(self) -> int:
        if self._popen is None:
            raise ProcessDiedError("not started")
        return self._popen.pid

    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_seconds: float = 30.0) -> None:
        """Poll `is_ready` every 20 ms.

        Raises:
            ProcessDiedError: it ended meanwhile.
            NotReadyError: the time is up.
        """
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            if not self.is_running():
                raise ProcessDiedError(f"{self.argv[0]} {' '.join(self.argv[1:4])}: ended early\n{self.last_output()}")
            if time.monotonic() > deadline:
                raise NotReadyError(
                    f"{' '.join(self.argv[:4])}: not ready in {timeout_seconds} s\n{self.last_output()}"
                )
            time.sleep(0.02)

    def last_output(self, characters: int = 2000) -> str:
        if self.log_path is None or not self.log_path.exists():
            return ""
        return self.log_path.read_text(errors="replace")[-characters:]

    def stop(self, *, timeout_seconds: float = 15.0) -> int | None:
        """Ask it to stop, wait, kill it when it does not. Returns its exit status; None when it never ran."""
        if self._popen is None:
            return None
        if self._popen.poll() is None:
            self._popen.send_signal(self.stop_signal)
            try:
                self._popen.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        return self._popen.wait()

    def kill(self) -> None:
        """Kill -9, as a crash would."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def __enter__(self) -> Self:
        return self if self._popen else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
