"""The README's five minutes, to the letter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.stack import ROOT, eventually

pytestmark = pytest.mark.alone

BLOCKS = re.findall(r"```\n\.venv/bin/python - <<'PY'\n(.*?)\nPY\n```", (ROOT / "README.md").read_text(), re.DOTALL)


def run(block: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-"], input=block, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(stack, tmp_path) -> Path:
    """A checkout's folder, as far as the README's commands look at it."""
    (tmp_path / ".local").symlink_to(stack.root)
    return tmp_path


def test_the_first_five_minutes_work_as_written(stack, folder):
    token, user, query = BLOCKS
    assert "access_token" in run(token, folder)
    before = len(stack.mails(""))
    assert stack.facts["mailbox"] in run(user, folder)
    eventually(lambda: len(stack.mails("")) > before, "the welcome mail")
    eventually(lambda: "user.created" in run(query, folder), "the user in ClickHouse")


def test_make_status_tells_every_step_of_the_running_stack(stack):
    command = [sys.executable, "-m", "local.stack", "--root", str(stack.root), "status"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    for step in (
        "outbox rows to seal",
        "stream entries to seal",
        "segments to send",
        "mails to hand over",
        "audit_dlq",
    ):
        assert step in told.stdout
    assert "can't be asked" not in told.stdout
