"""One supervisor for each folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from local.stack.layout import Layout


class AlreadyRunningError(RuntimeError):
    """Another supervisor runs on this folder."""


def claim_folder(layout: Layout) -> None:
    """One supervisor per folder.

    Raises:
        AlreadyRunningError: another one runs; the message says how to stop it.
    """
    pid = running_supervisor(layout.pid_file)
    if pid:
        raise AlreadyRunningError(f"the stack in {layout.root} already runs (process {pid}); `make stop` ends it")
    layout.pid_file.write_text(str(os.getpid()))
    layout.stack_file.unlink(missing_ok=True)  # of a supervisor that was killed: it is no longer true


def running_supervisor(pid_file: Path) -> int | None:
    """The process id in the file, if that process lives and is a supervisor."""
    import psutil  # noqa: PLC0415  only the commands need it

    try:
        pid = int(pid_file.read_text())
        alive = pid != os.getpid() and any("local.stack" in word for word in psutil.Process(pid).cmdline())
    except (OSError, ValueError, psutil.Error):
        return None
    return pid if alive else None
