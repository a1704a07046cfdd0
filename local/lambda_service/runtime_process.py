"""The operating system's side of a sandbox: how its process is started, where it logs, how it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from local.lambda_service.config import inherited_environment

if TYPE_CHECKING:
    from local.lambda_service.definitions import FunctionDefinition
    from local.lambda_service.settings import LambdaSettings

LAUNCHER = Path(__file__).with_name("runtime_launcher.py")
LOG_BYTES = 20 * 1_048_576
STOP_SECONDS = 2


def child_environment(
    definition: FunctionDefinition, settings: LambdaSettings, runtime_api: str, log_stream: str
) -> dict[str, str]:
    """What Lambda sets (developer guide, "Defined runtime environment variables"), then the function's own."""
    return inherited_environment() | {
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": definition.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(definition.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{definition.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "_HANDLER": definition.handler,
        "LAMBDA_TASK_ROOT": str(settings.task_root),
        "PYTHONPATH": str(settings.task_root),
        "TZ": ":UTC",
        **definition.environment,
    }


async def start_process(
    definition: FunctionDefinition, settings: LambdaSettings, runtime_api: str, log_file: SandboxLog
) -> asyncio.subprocess.Process:
    """In a process group of its own, which dies with the service."""
    runtime = [settings.python, "-m", "awslambdaric", definition.handler]
    with log_file.opened() as log:
        return await asyncio.create_subprocess_exec(
            *(settings.python, "-I", "-S", str(LAUNCHER), str(os.getpid()), *runtime),
            cwd=settings.task_root,
            env=child_environment(definition, settings, runtime_api, log_file.path.stem),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def kill_group(process: asyncio.subprocess.Process, with_signal: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, with_signal)


async def end_process(process: asyncio.subprocess.Process) -> None:
    """SIGTERM, and SIGKILL to whatever of its group is left after two seconds."""
    kill_group(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    kill_group(process)
    await process.wait()


class SandboxLog:
    """One sandbox's log file: what the runtime prints, between Lambda's own START, END and REPORT lines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def opened(self) -> BinaryIO:
        """For appending. A file that has grown too large is moved to `<name>.log.1` first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and self.path.stat().st_size > LOG_BYTES:
            self.path.replace(self.path.with_suffix(".log.1"))
        return self.path.open("ab")

    def line(self, text: str) -> None:
        with self.opened() as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {text}\n".encode())

    def tail_of(self, request_id: str, most_bytes: int = 4096) -> bytes:
        """The end of what was logged of that invocation, if it is among the last things in the file."""
        with self.path.open("rb") as log:
            log.seek(max(0, self.path.stat().st_size - 16 * most_bytes))
            _, start, rest = log.read().rpartition(f"START RequestId: {request_id}".encode())
        return (start + rest)[-most_bytes:]
