"""Generated files stand committed as generated, and a schema that breaks the append-only law is never written (P10)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from events import generate


@pytest.fixture
def room(tmp_path, monkeypatch) -> Path:
    """A copy of `events/` as it stands, whose files a test may break."""
    monkeypatch.setattr(generate, "ROOT", tmp_path / "events")
    (tmp_path / "events" / "schemas").mkdir(parents=True)
    assert generate.main([]) == 0
    return tmp_path / "events"


def test_what_is_committed_is_what_the_models_say() -> None:
    assert generate.main(["--check"]) == 0


def test_generating_twice_gives_the_same_bytes(room: Path) -> None:
    before = {path: path.read_bytes() for path in room.rglob("*.*")}
    assert generate.main([]) == 0
    assert {path: path.read_bytes() for path in room.rglob("*.*")} == before


def test_check_names_a_file_that_differs_and_writes_nothing(room: Path, capsys) -> None:
    (room / "asyncapi.yml").write_text("other")
    assert generate.main(["--check"]) == 1
    assert "events/asyncapi.yml differs" in capsys.readouterr().err
    assert (room / "asyncapi.yml").read_text() == "other"


def test_check_names_a_file_that_is_missing(room: Path, capsys) -> None:
    (room / "schemas" / "token.issued.1.json").unlink()
    assert generate.main(["--check"]) == 1
    assert "events/schemas/token.issued.1.json differs" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_a_published_version_can_not_be_withdrawn(room: Path, capsys, arguments: list[str]) -> None:
    (room / "schemas" / "token.eaten.1.json").write_text("{}")
    assert generate.main(arguments) == 1
    assert "token.eaten.1.json: a version that was published stays" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_a_published_field_can_not_be_dropped(room: Path, capsys, arguments: list[str]) -> None:
    path = room / "schemas" / "token.issued.1.json"
    schema = json.loads(path.read_text())
    schema["properties"]["payload"]["properties"]["withdrawn"] = {"type": "string"}
    path.write_text(json.dumps(schema))
    assert generate.main(arguments) == 1
    assert "append-only" in capsys.readouterr().err
    assert json.loads(path.read_text()) == schema
