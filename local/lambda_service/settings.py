"""Where the service keeps things, how it reaches the queues, and the pauses that a test may shorten."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class LambdaSettings:
    """`state_dir` holds what survives a restart, `log_dir` one file per sandbox, `task_root` the functions' code."""

    state_dir: Path
    log_dir: Path
    task_root: Path
    sqs_endpoint_url: str
    region: str = "eu-central-1"
    account_id: str = "000000000000"
    access_key_id: str = "test"
    secret_access_key: str = "test"  # noqa: S105 - what local endpoints take; a stack sets its own
    ca_file: Path | None = None
    python: str = sys.executable
    init_timeout_seconds: float = 60
    stop_grace_seconds: float = 5
    """For how long a stop waits for invocations under way, before it ends the processes."""
    concurrent_starts: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))
    """Imports are heavy: so many sandboxes start at a time, the first of each function before the second of any."""
    first_backoff_seconds: float = 0.5
    longest_backoff_seconds: float = 10
    asynchronous_retry_seconds: tuple[float, ...] = (60, 120)
    """Pauses before the second and third attempt of an asynchronous invocation (developer guide)."""

    def function_arn(self, name: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account_id}:function:{name}"
