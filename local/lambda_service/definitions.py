"""What is to run, said once: functions, the queues that feed them, and schedules."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.lambda_service.schedule_expressions import parse_expression

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
HANDLER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
RESERVED_VARIABLES = ("AWS_LAMBDA_", "_HANDLER", "LAMBDA_TASK_ROOT", "_X_AMZN_TRACE_ID")


class DefinitionError(ValueError):
    """A definition that Lambda would refuse; the message names the field and what it wants."""


def _check(name: str, ok: object, wanted: str) -> None:
    if not ok:
        raise DefinitionError(f"{name}: {wanted}")


@dataclass(frozen=True)
class FunctionDefinition:
    """`processes` sandboxes are kept running; `reserved_concurrency` bounds what is under way or waits for one."""

    name: str
    handler: str
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 3
    memory_mb: int = 128
    processes: int = 2
    reserved_concurrency: int | None = None

    def __post_init__(self) -> None:
        _check("name", FUNCTION_NAME.fullmatch(self.name), "1 to 64 letters, digits, hyphens or underscores")
        _check(f"{self.name}.handler", HANDLER.fullmatch(self.handler), "package.module.function")
        _check(f"{self.name}.timeout_seconds", 0 < self.timeout_seconds <= 900, "more than 0, at most 900")
        _check(f"{self.name}.memory_mb", 128 <= self.memory_mb <= 10_240, "128 to 10240")
        _check(f"{self.name}.processes", 1 <= self.processes <= 100, "1 to 100")
        _check(f"{self.name}.reserved_concurrency", (self.reserved_concurrency or 0) >= 0, "0 or more, or null")
        for variable in self.environment:
            wanted = "is set by Lambda itself and can't be given"
            _check(f"{self.name}.environment.{variable}", not variable.startswith(RESERVED_VARIABLES), wanted)


@dataclass(frozen=True)
class EventSourceMapping:
    """Feeds `function` from the queue of that name (API reference, CreateEventSourceMapping)."""

    function: str
    queue: str
    batch_size: int = 10
    maximum_batching_window_seconds: int = 0
    report_batch_item_failures: bool = False
    maximum_concurrency: int | None = None

    def __post_init__(self) -> None:
        where = f"mapping {self.queue} -> {self.function}"
        window = self.maximum_batching_window_seconds
        _check(f"{where}.maximum_batching_window_seconds", 0 <= window <= 300, "0 to 300")
        most = 10_000 if window else 10
        _check(f"{where}.batch_size", 1 <= self.batch_size <= most, f"1 to {most} (above 10 only with a window)")
        if self.is_fifo:
            _check(f"{where}.maximum_batching_window_seconds", window == 0, "a FIFO queue has no batching window")
            _check(f"{where}.batch_size", self.batch_size <= 10, "at most 10 for a FIFO queue")
        if self.maximum_concurrency is not None:
            _check(f"{where}.maximum_concurrency", 2 <= self.maximum_concurrency <= 1000, "2 to 1000, or null")

    @property
    def is_fifo(self) -> bool:
        return self.queue.endswith(".fifo")


@dataclass(frozen=True)
class Schedule:
    """Invokes `function` by `rate(...)` or `cron(...)`, with EventBridge's event or, when given, with `input`."""

    name: str
    expression: str
    function: str
    input: Any = None

    def __post_init__(self) -> None:
        try:
            parse_expression(self.expression)
        except ValueError as error:
            raise DefinitionError(f"schedule {self.name}: {error}") from None


@dataclass(frozen=True)
class Definitions:
    functions: tuple[FunctionDefinition, ...]
    mappings: tuple[EventSourceMapping, ...] = ()
    schedules: tuple[Schedule, ...] = ()

    def __post_init__(self) -> None:
        names = [function.name for function in self.functions]
        _check("functions", len(set(names)) == len(names), "each name once")
        schedule_names = [schedule.name for schedule in self.schedules]
        _check("schedules", len(set(schedule_names)) == len(schedule_names), "each name once")
        for mapping in self.mappings:
            _check(f"mapping of {mapping.queue}", mapping.function in names, f"there is no function {mapping.function}")
        for schedule in self.schedules:
            _check(f"schedule {schedule.name}", schedule.function in names, f"there is no function {schedule.function}")


def read_definitions(path: Path) -> Definitions:
    """From a JSON file whose keys are the dataclasses' fields.

    Raises: DefinitionError naming what is wrong.
    """
    try:
        raw = json.loads(path.read_text())
        return Definitions(
            tuple(FunctionDefinition(**one) for one in raw["functions"]),
            tuple(EventSourceMapping(**one) for one in raw.get("mappings", [])),
            tuple(Schedule(**one) for one in raw.get("schedules", [])),
        )
    except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
        raise DefinitionError(f"{path}: {error}") from None
