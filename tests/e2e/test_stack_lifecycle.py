"""`make run` from its start to its end: nothing left behind, nothing forgotten, stack.json true all the while."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fixtures.person import Person
from tests.fixtures.stack import ROOT, LocalStack, eventually, start_stack

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]

MEMORY_LIMIT_BYTES = 2.5 * 1024**3


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def left(processes: list[psutil.Process]) -> list[str]:
    """Those that still run."""
    return [f"{one.pid} {one.name()}" for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def run_again(root: Path) -> subprocess.CompletedProcess[str]:
    """A second `run` on the same folder, to its end."""
    command = [sys.executable, "-m", "local.stack", "--root", str(root), "run", "--plain"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def proportional_bytes(process: psutil.Process) -> int:
    """Memory of a process, what it shares divided among those that share it (PSS)."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))


def refresh(stack: LocalStack, refresh_token: str) -> dict[str, Any]:
    web = stack.facts["demo"]["web_client"]
    with stack.http() as http:
        answer = http.post(
            f"{stack.facts['issuer']}/oauth2/token",
            data={"grant_type": "refresh_token", "refresh_token": refresh_token},
            auth=(web["client_id"], web["client_secret"]),
        )
    assert answer.status_code == 200, answer.text
    return answer.json()


def sign_in(stack: LocalStack) -> dict[str, Any]:
    facts = stack.facts
    with stack.http() as http:
        user = facts["demo"]["user"]
        return Person(http, facts["issuer"], user["email"], user["password"]).tokens(facts["demo"]["web_client"])


def test_the_whole_stack_fits_into_its_memory(stack):
    sign_in(stack)
    used = {one.pid: proportional_bytes(one) for one in family(stack.supervisor.pid)}
    assert sum(used.values()) <= MEMORY_LIMIT_BYTES, {
        f"{pid} {' '.join(psutil.Process(pid).cmdline())[-60:]}": size // 1024**2 for pid, size in used.items()
    }


def test_a_second_run_on_the_same_folder_is_refused(stack):
    second = run_again(stack.root)
    assert second.returncode == 1
    assert f"already runs (process {stack.supervisor.pid})" in second.stderr
    assert "make stop" in second.stderr
    assert "Traceback" not in second.stderr
    sign_in(stack)


def test_killed_processes_are_started_again_and_stack_json_stays_true(stack):
    names = [name for name in stack.facts["processes"] if not name.startswith("maintain_database")]
    killed = {name: stack.kill(name) for name in names}

    def are_all_new() -> bool:
        now = stack.facts["processes"]
        return all(now.get(name) not in (None, pid) for name, pid in killed.items())

    eventually(are_all_new, "every process started again", 90)
    assert all(psutil.pid_exists(pid) for pid in stack.facts["processes"].values())

    def works() -> bool:
        with stack.http() as http:
            return http.get(f"{stack.facts['issuer']}/health/ready").json()["status"] == "ready"

    def answers() -> bool:
        try:
            return works()
        except Exception:
            return False

    eventually(answers, "the token core after everything was killed", 90)
    sign_in(stack)


def test_stops_without_a_trace_and_starts_again_with_all_its_data(tmp_path_factory):
    root = tmp_path_factory.mktemp("lifecycle")
    stack = start_stack(root)
    try:
        first = stack.facts
        token = sign_in(stack)["refresh_token"]
        subject = first["demo"]["user"]["subject"]

        def rows() -> set[str]:
            query = "SELECT toString(event_id) FROM events WHERE subject = {s:String} AND type = 'token.issued'"
            return {row[0] for row in stack.clickhouse().query(query, parameters={"s": subject}).result_rows}

        recorded = eventually(rows, "the sign-in in ClickHouse")
        in_lake = set(stack.lake().column("event_id").to_pylist())
        processes = family(stack.supervisor.pid)
        assert len(processes) > 20

        assert stack.stop() == 0
        assert left(processes) == []
        assert not (root / "stack.json").exists()

        taken = json.loads((root / "ports.json").read_text())["admin_api"]
        with socket.create_server(("127.0.0.1", taken)):
            refused = run_again(root)
        assert refused.returncode == 1
        assert f"port {taken}" in refused.stderr
        assert f"process {os.getpid()}" in refused.stderr
        assert "Traceback" not in refused.stderr

        stack = start_stack(root)
        again = stack.facts
        assert {name: again[name] for name in ("issuer", "demo", "queues", "postgres")} == {
            name: first[name] for name in ("issuer", "demo", "queues", "postgres")
        }
        assert refresh(stack, token)["refresh_token"] != token
        assert recorded <= rows()
        assert in_lake <= set(stack.lake().column("event_id").to_pylist())

        # kill -9 of the supervisor: everything follows it
        processes = family(stack.supervisor.pid)
        stack.supervisor.send_signal(signal.SIGKILL)
        stack.supervisor.wait(10)
        eventually(lambda: not left(processes), "all processes gone after the supervisor was killed", 20)

        stack = start_stack(root)
        sign_in(stack)
    finally:
        stack.stop()
