"""JSON Schemas of everything that crosses a boundary: events, commands, the envelope, the segment."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from events.commands import COMMANDS
from events.control import ControlMessage, ControlType
from events.envelope import SEALED_COLUMNS
from events.registry import REGISTRY, Definition
from events.segment import ENCODING, MAX_EVENTS, SEGMENT_VERSION

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TEXT_OR_NULL = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def all_schemas() -> dict[str, dict[str, Any]]:
    """By name: `<type>.<version>`, `envelope.1`, `segment.1`."""
    schemas = {"envelope.1": envelope_schema(), f"segment.{SEGMENT_VERSION}": segment_schema()}
    for (event_type, version), definition in REGISTRY.items():
        schemas[f"{event_type}.{version}"] = event_schema(f"{event_type}.{version}", definition)
    for (command_type, version), model in COMMANDS.items():
        schemas[f"{command_type}.{version}"] = _named(
            f"{command_type}.{version}", TypeAdapter(model).json_schema(mode="validation")
        )
    for control in ControlType:
        schema = ControlMessage.model_json_schema()
        schema["properties"]["type"] = {"const": control.value, "type": "string"}
        schema.pop("$defs", None)
        schemas[f"{control}.1"] = _named(f"{control}.1", schema)
    return schemas


def event_schema(name: str, definition: Definition) -> dict[str, Any]:
    """What an event's `payload` text holds, and what its `personal` text holds once decrypted."""
    payload = definition.payload.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    personal: dict[str, Any] = {"type": "null"}
    definitions = payload.pop("$defs", {})
    if definition.personal is not None:
        inner = definition.personal.model_json_schema(ref_template="#/$defs/{model}")
        definitions |= inner.pop("$defs", {})
        personal = {"anyOf": [inner, {"type": "null"}]}
    schema: dict[str, Any] = {
        "description": definition.description,
        "type": "object",
        "properties": {"payload": payload, "personal": personal},
        "required": ["payload"],
        "additionalProperties": False,
    }
    if definitions:
        schema["$defs"] = definitions
    return _named(name, schema)


def envelope_schema() -> dict[str, Any]:
    """A sealed event: one line of a segment, one row of the lake."""
    properties: dict[str, Any] = {column: {"type": "string"} for column in SEALED_COLUMNS}
    properties |= dict.fromkeys(("request_id", "client_id", "session_id", "subject_key_id", "personal"), _TEXT_OR_NULL)
    properties |= {
        "event_id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer", "minimum": 1},
        "occurred_at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
        "number": {"type": "integer", "minimum": 1},
        "hash": _HASH,
    }
    return _named("envelope.1", _closed(properties, "A sealed event. `payload` is JSON text; `personal` is encrypted."))


def segment_schema() -> dict[str, Any]:
    """The SQS message that holds one sealed segment."""
    number = {"type": "integer", "minimum": 1}
    run = {
        "producer": {"type": "string"},
        "first": number,
        "last": number,
        "previous_hash": _HASH,
        "head_hash": _HASH,
    }
    properties: dict[str, Any] = {
        "segment_id": {"type": "string", "format": "uuid"},
        "version": {"const": SEGMENT_VERSION},
        "shard": {"type": "string"},
        "sealed_at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
        "runs": {"type": "array", "items": _closed(run, "Consecutive events of one producer.")},
        "count": {"type": "integer", "minimum": 0, "maximum": MAX_EVENTS},
        "encoding": {"const": ENCODING},
        "events": {"type": "string", "description": "lines of envelope.1, joined by line feeds, encoded"},
    }
    return _named(f"segment.{SEGMENT_VERSION}", _closed(properties, "A sealed segment of the audit log."))


def _closed(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _named(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    schema.pop("title", None)
    return {"$schema": _DIALECT, "$id": f"{name}.json", "title": name, **schema}
