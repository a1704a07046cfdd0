"""The AsyncAPI 3.0 document of the queues, derived from the registries."""

from __future__ import annotations

import json
from typing import Any

from events.commands import COMMANDS, MAX_COMMAND_BYTES
from events.control import ControlType
from events.registry import REGISTRY
from events.segment import MAX_ENCODED_BYTES, MAX_EVENTS

_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})  # unquoted, they are no texts


def asyncapi_document() -> dict[str, Any]:
    """Channels, operations, and a message for each type; payloads are references to `schemas/`."""
    commands = [f"{command_type}.{version}" for command_type, version in COMMANDS]
    controls = [f"{control}.1" for control in ControlType]
    events = {f"{event_type}.{version}": definition for (event_type, version), definition in REGISTRY.items()}
    messages = {name: _message(name, "A provisioning command.") for name in commands}
    messages |= {name: _message(name, "An administrator's word about a parked command.") for name in controls}
    messages |= {"segment.1": _message("segment.1", "Sealed events, each as envelope.1.")}
    messages |= {name: _message(name, definition.description) for name, definition in events.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Authentication platform: commands and events",
            "version": "1.0.0",
            "description": "Append-only: a field is never renamed, reordered, retyped or dropped.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "provisioning": {
                "address": "provisioning.fifo",
                "description": (
                    f"SQS FIFO, at most {MAX_COMMAND_BYTES} bytes a message. MessageGroupId is the user's external_id"
                    " or id, as in the command."
                ),
                "messages": _references([*commands, *controls]),
            },
            "audit": {
                "address": "audit",
                "description": f"SQS, one sealed segment: at most {MAX_EVENTS} events, {MAX_ENCODED_BYTES} bytes.",
                "messages": _references(["segment.1"]),
            },
            "lake": {
                "address": "raw/sealed_date={date}/sealed_hour={hour}/{segment_id}.parquet",
                "description": "S3, one object a segment, one row an event: the columns of envelope.1 first.",
                "messages": _references(list(events)),
            },
        },
        "operations": {
            "receiveCommands": {"action": "receive", "channel": {"$ref": "#/channels/provisioning"}},
            "sendSegments": {"action": "send", "channel": {"$ref": "#/channels/audit"}},
            "writeEvents": {"action": "send", "channel": {"$ref": "#/channels/lake"}},
        },
        "components": {"messages": messages},
    }


def as_yaml(value: Any, indent: int = 0) -> str:
    """Block-style YAML of nested dicts, lists and scalars; texts as JSON strings, which YAML reads alike."""
    space = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{space}{_key(key)}:{_entry(inner, indent)}" for key, inner in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{space}-{_entry(inner, indent)}" for inner in value)
    return f"{space}{json.dumps(value, ensure_ascii=False)}\n"


def _entry(value: Any, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + as_yaml(value, indent + 1)
    return " " + as_yaml(value)


def _key(key: str) -> str:
    return key if key.isidentifier() and key.lower() not in _YAML_WORDS else json.dumps(key)


def _message(name: str, summary: str) -> dict[str, Any]:
    return {"name": name, "summary": summary, "payload": {"$ref": f"./schemas/{name}.json"}}


def _references(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}
