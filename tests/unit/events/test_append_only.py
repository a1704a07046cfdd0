"""The law above the classes: what was published only ever grows at its end."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from events.append_only import violations
from events.generate import ROOT, broken_laws, differences, generated_files

SCHEMA: dict[str, Any] = json.loads((ROOT / "schemas" / "user.created.1.json").read_text())


def changed(**edits: Any) -> dict[str, Any]:
    schema = copy.deepcopy(SCHEMA)
    payload = schema["properties"]["payload"]
    payload.update(edits)
    return schema


def fields() -> dict[str, Any]:
    return dict(SCHEMA["properties"]["payload"]["properties"])


NEW = {"type": "string", "default": "x"}


def test_the_committed_files_are_what_the_models_say() -> None:
    assert differences(generated_files()) == []


def test_the_models_keep_the_law_towards_the_committed_schemas() -> None:
    assert broken_laws(generated_files()) == []


def test_nothing_changed_breaks_nothing() -> None:
    assert violations(SCHEMA, copy.deepcopy(SCHEMA)) == []


def test_a_new_field_at_the_end_is_allowed() -> None:
    assert violations(SCHEMA, changed(properties={**fields(), "added": NEW})) == []


def test_other_words_in_a_description_are_allowed() -> None:
    assert violations(SCHEMA, {**SCHEMA, "description": "in other words"}) == []


def test_a_new_field_in_front_is_refused() -> None:
    assert any("goes last" in line for line in violations(SCHEMA, changed(properties={"added": NEW, **fields()})))


def test_a_new_field_without_a_default_is_refused() -> None:
    required = [*SCHEMA["properties"]["payload"]["required"], "added"]
    assert violations(SCHEMA, changed(properties={**fields(), "added": NEW}, required=required))


@pytest.mark.parametrize("name", fields())
def test_a_dropped_field_is_refused(name: str) -> None:
    kept = {field: value for field, value in fields().items() if field != name}
    assert any(f"{name} was dropped" in line for line in violations(SCHEMA, changed(properties=kept)))


def test_a_renamed_field_is_refused() -> None:
    renamed = {("state" if field == "status" else field): value for field, value in fields().items()}
    assert any("status was dropped or renamed" in line for line in violations(SCHEMA, changed(properties=renamed)))


def test_reordered_fields_are_refused() -> None:
    assert any("reordered" in line for line in violations(SCHEMA, changed(properties=dict(reversed(fields().items())))))


@pytest.mark.parametrize("retyped", [{"type": "integer"}, {"enum": ["active", "disabled", "new"], "type": "string"}])
def test_a_retyped_field_is_refused(retyped: dict[str, Any]) -> None:
    assert violations(SCHEMA, changed(properties={**fields(), "status": retyped}))


def test_a_field_retyped_behind_a_reference_is_refused() -> None:
    schema = copy.deepcopy(SCHEMA)
    schema["$defs"]["Profile"]["properties"]["name"] = {"type": "integer"}
    assert violations(SCHEMA, schema)


def test_a_type_that_becomes_closed_or_open_is_refused() -> None:
    assert violations(SCHEMA, changed(additionalProperties=True))
