"""The live state as rows, for the terminal and the start page alike."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from local.stack.run import Stack


@dataclass(frozen=True)
class Row:
    name: str
    state: str
    pid: int | None
    up: str
    memory: str
    restarts: int
    note: str


def rows(stack: Stack) -> list[Row]:
    """One row for each process: the stack's own first, then the functions' runtimes."""
    found = [
        Row(
            name,
            process.state,
            process.pid,
            _duration(time.monotonic() - process.started_at) if process.pid else "",
            _memory(process.pid),
            process.restarts,
            process.last_exit,
        )
        for name, process in stack.processes.items()
    ]
    if stack.lambda_service is not None:
        for function in stack.lambda_service.state().functions:
            counts = f"{function.invocations} invocations, {function.errors} errors" if function.invocations else ""
            found += [
                Row(
                    sandbox.name,
                    sandbox.state,
                    sandbox.pid,
                    "",
                    _memory(sandbox.pid),
                    sandbox.restarts,
                    sandbox.last_error or counts,
                )
                for sandbox in function.sandboxes
            ]
    return found


def _memory(pid: int | None) -> str:
    """Resident memory of a process and its children."""
    if pid is None:
        return ""
    try:
        process = psutil.Process(pid)
        total = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    except psutil.Error:
        return ""
    return f"{total / 1_048_576:.0f} MB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}" if hours else f"{minutes}m{rest:02d}" if minutes else f"{rest}s"
