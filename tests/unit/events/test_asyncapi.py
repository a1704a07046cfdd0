from __future__ import annotations

from typing import Any

import yaml

from events.asyncapi import as_yaml, asyncapi_document
from events.generate import ROOT
from events.json_schemas import all_schemas


def document() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "asyncapi.yml").read_text())


def test_the_yaml_says_what_the_document_says() -> None:
    assert document() == asyncapi_document()


def test_awkward_values_survive_the_yaml() -> None:
    value = {"a b": ["x: y", "- z", {"n": None, "t": True, "f": 1.5, "e": {}, "l": [], "q": 'a"\n\\ü#'}], "1": "no"}
    assert yaml.safe_load(as_yaml(value)) == value


def test_every_schema_but_the_envelope_is_a_message() -> None:
    assert set(document()["components"]["messages"]) | {"envelope.1"} == set(all_schemas())


def test_every_reference_leads_somewhere() -> None:
    def follow(value: Any) -> None:
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str) and reference.startswith("./"):
                assert (ROOT / reference).exists(), reference
            elif isinstance(reference, str):
                target: Any = document()
                for step in reference.removeprefix("#/").split("/"):
                    target = target[step]
            for inner in value.values():
                follow(inner)

    follow(document())
