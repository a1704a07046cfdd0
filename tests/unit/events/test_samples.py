"""Every sample is judged alike by the model that the platform uses and by the schema that others get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from events.commands import COMMANDS, MalformedCommandError, parse_command
from events.control import ControlType, parse_control
from events.envelope import MalformedEventError, SealedEvent
from events.json_schemas import all_schemas
from events.registry import REGISTRY
from events.segment import MalformedSegmentError, decode

EVENTS = Path(__file__).parents[3] / "events"
SAMPLES = sorted((EVENTS / "samples").glob("*.json"))
EVENT_NAMES = {f"{event_type}.{version}": definition for (event_type, version), definition in REGISTRY.items()}
COMMAND_NAMES = {f"{command_type}.{version}" for command_type, version in COMMANDS}
CONTROL_NAMES = {f"{control}.1" for control in ControlType}


def name_of(path: Path) -> str:
    return path.name.rsplit(".", 3)[0]


def verdict_of(path: Path) -> bool:
    return path.name.rsplit(".", 2)[1] == "pass"


def is_taken_by_model(name: str, text: str) -> bool:
    sample: dict[str, Any] = json.loads(text)
    try:
        if name in EVENT_NAMES:
            definition = EVENT_NAMES[name]
            definition.payload.model_validate_json(json.dumps(sample["payload"]), strict=True)
            personal = sample.get("personal")
            if personal is not None:
                if definition.personal is None:
                    return False
                definition.personal.model_validate_json(json.dumps(personal), strict=True)
        elif name in COMMAND_NAMES:
            parse_command(text)
        elif name in CONTROL_NAMES:
            return parse_control(text) is not None
        elif name == "envelope.1":
            SealedEvent.from_line(text)
        else:
            decode(text)
    except (ValidationError, MalformedCommandError, MalformedEventError, MalformedSegmentError):
        return False
    return True


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_judged_by_its_model_as_its_name_says(path: Path) -> None:
    assert is_taken_by_model(name_of(path), path.read_text()) is verdict_of(path)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_judged_by_the_committed_schema_as_its_name_says(path: Path) -> None:
    schema = json.loads((EVENTS / "schemas" / f"{name_of(path)}.json").read_text())
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    assert validator.is_valid(json.loads(path.read_text())) is verdict_of(path)


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_every_type_has_a_sample_that_passes_and_one_that_fails(name: str) -> None:
    verdicts = {verdict_of(path) for path in SAMPLES if name_of(path) == name}
    assert verdicts == {True, False}


def test_no_sample_is_of_an_unknown_type() -> None:
    assert {name_of(path) for path in SAMPLES} == set(all_schemas())


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_every_committed_schema_is_itself_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((EVENTS / "schemas" / f"{name}.json").read_text()))
