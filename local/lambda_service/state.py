"""What a live view shows: plain values, taken at one moment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SandboxState:
    """`state` is waiting, starting, idle, busy, backing-off or stopped; pid is None without a process."""

    name: str
    pid: int | None
    state: str
    restarts: int
    last_error: str | None


@dataclass(frozen=True)
class FunctionState:
    name: str
    invocations: int
    errors: int
    timeouts: int
    throttles: int
    waiting: int
    last_duration_ms: float | None
    last_error: str | None
    sandboxes: tuple[SandboxState, ...]


@dataclass(frozen=True)
class MappingState:
    """`state` says what it does, or what keeps it from it."""

    function: str
    queue: str
    state: str
    batches: int
    records: int
    failed_records: int
    under_way: int


@dataclass(frozen=True)
class ScheduleState:
    name: str
    function: str
    expression: str
    next_due_ms: int
    fired: int


@dataclass(frozen=True)
class ServiceState:
    functions: tuple[FunctionState, ...]
    mappings: tuple[MappingState, ...]
    schedules: tuple[ScheduleState, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
