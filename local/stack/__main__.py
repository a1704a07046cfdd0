"""`python -m local.stack run|status|stop|reset`: what the Makefile calls."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from local.stack.layout import Layout, PortTakenError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(".local"), help="the stack's folder (default: .local)")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything; Ctrl-C stops it")
    run.add_argument("--tls", action="store_true", help="serve everything over TLS, from a local certificate authority")
    run.add_argument("--plain", action="store_true", help="no live view: one line for each thing that happens")
    status = commands.add_parser("status", help="lag and depth of every step")
    status.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("stop", help="stop the running stack")
    reset = commands.add_parser("reset", help="remove all local data")
    reset.add_argument("--yes", action="store_true", help="don't ask")
    options = parser.parse_args(arguments)
    layout = Layout(options.root.resolve())
    if options.command == "run":
        return _run(layout, tls=options.tls, plain=options.plain)
    if options.command == "status":
        return _status(layout, as_json=options.json)
    if options.command == "stop":
        return _stop(layout)
    return _reset(layout, ask=not options.yes)


def _run(layout: Layout, *, tls: bool, plain: bool) -> int:
    from local.stack.ownership import AlreadyRunningError  # noqa: PLC0415
    from local.stack.run import Options, Stack, run_until_stopped  # noqa: PLC0415  not for `status`
    from local.stack.terminal import Terminal  # noqa: PLC0415

    terminal = Terminal(plain=plain or not sys.stdout.isatty())
    try:
        stack = Stack(layout, Options(tls=tls, say=terminal.say))
    except (AlreadyRunningError, PortTakenError) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return asyncio.run(run_until_stopped(stack, terminal.on_ready))


def _status(layout: Layout, *, as_json: bool) -> int:
    from local.stack.status import gather_status, render_status  # noqa: PLC0415

    if not layout.stack_file.exists():
        print(f"no stack runs in {layout.root}: start one with `make run`", file=sys.stderr)
        return 1
    status = gather_status(json.loads(layout.stack_file.read_text()))
    print(json.dumps(status, indent=2, default=str) if as_json else render_status(status))
    return 0


def _stop(layout: Layout, timeout_seconds: float = 60.0) -> int:
    from local.stack.ownership import running_supervisor  # noqa: PLC0415

    pid = running_supervisor(layout.pid_file)
    if pid is None:
        print(f"no stack runs in {layout.root}")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while running_supervisor(layout.pid_file) == pid:
        if time.monotonic() > deadline:
            print(f"process {pid} hasn't stopped after {timeout_seconds:.0f} s", file=sys.stderr)
            return 1
        time.sleep(0.1)
    return 0


def _reset(layout: Layout, *, ask: bool) -> int:
    from local.stack.ownership import running_supervisor  # noqa: PLC0415

    if running_supervisor(layout.pid_file):
        print("the stack runs: `make stop` first", file=sys.stderr)
        return 1
    if not layout.root.exists():
        return 0
    if ask and input(f"Remove all local data in {layout.root}? Users, tokens, lake, keys. [y/N] ").lower() != "y":
        return 1
    shutil.rmtree(layout.root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
