from __future__ import annotations

import json

import jsonschema
import pytest

from events.commands import COMMANDS
from events.control import ControlType
from events.json_schemas import all_schemas
from events.registry import REGISTRY
from events.segment import encode
from tests.fixtures.sealed import a_segment

SCHEMAS = all_schemas()


def test_every_event_command_and_control_has_its_schema() -> None:
    expected = {f"{name}.{version}" for name, version in (*REGISTRY, *COMMANDS)} | {f"{name}.1" for name in ControlType}
    assert expected | {"envelope.1", "segment.1"} == set(SCHEMAS)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_each_is_a_valid_schema_that_names_itself(name: str) -> None:
    schema = SCHEMAS[name]
    jsonschema.validators.validator_for(schema).check_schema(schema)
    assert (schema["$id"], schema["title"]) == (f"{name}.json", name)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_no_object_takes_fields_that_nobody_described(name: str) -> None:
    def open_objects(part: object, path: str) -> list[str]:
        if isinstance(part, list):
            return [found for index, each in enumerate(part) for found in open_objects(each, f"{path}/{index}")]
        if not isinstance(part, dict):
            return []
        here = [path] if "properties" in part and part.get("additionalProperties") is not False else []
        return here + [found for key, each in part.items() for found in open_objects(each, f"{path}/{key}")]

    assert open_objects(SCHEMAS[name], name) == []


def test_a_sealed_segment_and_its_lines_fit_their_schemas() -> None:
    segment = a_segment(3)
    jsonschema.validate(json.loads(encode(segment)), SCHEMAS["segment.1"])
    for line in segment.lines:
        jsonschema.validate(json.loads(line), SCHEMAS["envelope.1"])
