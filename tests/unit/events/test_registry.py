from __future__ import annotations

import re

from events.commands import COMMANDS
from events.registry import REGISTRY, VERSION_OF
from events.types import CommandType, EventType


def test_every_event_type_is_registered_from_version_one_without_gaps() -> None:
    for event_type in EventType:
        versions = sorted(version for registered, version in REGISTRY if registered is event_type)
        assert versions == list(range(1, len(versions) + 1)) and versions, event_type


def test_every_command_type_is_registered() -> None:
    assert {command_type for command_type, _ in COMMANDS} == set(CommandType)


def test_events_are_named_by_subject_and_past_tense() -> None:
    past = r"[a-z_]+\.[a-z_]*(ed|sent|set|driven)"
    a_state = {EventType.COMMAND_WAITING}  # called as everybody calls it
    assert {event_type for event_type in EventType if not re.fullmatch(past, event_type)} == a_state


def test_a_payload_model_tells_its_version() -> None:
    assert len(VERSION_OF) == len(REGISTRY)
    for (event_type, version), definition in REGISTRY.items():
        assert VERSION_OF[event_type, definition.payload] == version
        assert VERSION_OF[str(event_type), definition.payload] == version
