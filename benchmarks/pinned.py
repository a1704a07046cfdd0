"""`python -m benchmarks.pinned CORE COMMAND...`: becomes COMMAND on that core, and ends with who started it."""

from __future__ import annotations

import os
import sys

from local.engines.process import die_with_parent


def pin(core: int) -> None:
    """Keep this process, and all that it starts, on one core (Linux only; elsewhere nothing happens)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


if __name__ == "__main__":
    pin(int(sys.argv[1]))
    die_with_parent()
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command is ours
