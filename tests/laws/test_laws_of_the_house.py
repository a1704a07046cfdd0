"""What the import linter can't see: who reads the environment, the clock, and where Powertools may be."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PRODUCTION = ("events", "shared", "token_core", "audit_relay", "functions", "resource_server")


def sources(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def attributes(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every `module.attribute` that is used, and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}", node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module in {"os", "time", "datetime"}:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def offences(path: Path, forbidden: set[str]) -> list[str]:
    tree = ast.parse(path.read_text())
    return [f"{named(path)}:{line} uses {name}" for name, line in attributes(tree) if name in forbidden]


def test_the_environment_is_read_only_in_a_config_file():
    forbidden = {"os.environ", "os.getenv"}
    found = [o for path in sources(*PRODUCTION) if path.name != "config.py" for o in offences(path, forbidden)]
    assert not found, "read a setting in the part's config.py and pass it on:\n" + "\n".join(found)


def test_the_clock_is_read_only_in_shared_clock():
    forbidden = {"time.time", "time.time_ns", "time.monotonic", "datetime.now", "datetime.utcnow", "datetime.today"}
    allowed = {"shared/clock.py"}
    # resource_server imports none of ours, so it has its own reader of the clock
    rooms = [room for room in PRODUCTION if room != "resource_server"]
    found = [o for path in sources(*rooms) if named(path) not in allowed for o in offences(path, forbidden)]
    assert not found, "take the time from shared.clock, so that tests can hold it:\n" + "\n".join(found)


def test_verbs_of_functions_know_no_powertools():
    found = [
        named(path)
        for path in sources("functions")
        if path.name != "handler.py" and "aws_lambda_powertools" in path.read_text()
    ]
    assert not found, "only handler.py may import aws_lambda_powertools: the verb is ordinary Python"


def test_no_drawer_is_called_utils():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
    found = [
        named(path) for path in sources(*PRODUCTION, "local") if path.stem in drawers or path.parent.name in drawers
    ]
    assert not found, f"name the subject instead: {found}"


@pytest.mark.parametrize("room", [*PRODUCTION, "local"])
def test_large_files_say_why(room):
    """A file over 400 lines has its reason in its docstring."""
    found = []
    for path in sources(room):
        if "migrations/versions" in named(path):
            continue  # one step of the schema is one file, whatever its length
        text = path.read_text()
        if text.count("\n") > 400 and "lines because" not in (ast.get_docstring(ast.parse(text)) or ""):
            found.append(f"{named(path)}: {text.count(chr(10))} lines")
    assert not found, "split them by reason to change, or say `... lines because ...` in the docstring:\n" + "\n".join(
        found
    )
