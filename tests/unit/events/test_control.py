from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.commands import MAX_COMMAND_BYTES, MalformedCommandError, parse_command
from events.control import ControlType, parse_control

GOOD = {
    "command_id": "c-1",
    "type": "command.redrive",
    "version": 1,
    "issued_at": "2026-11-21T12:00:00Z",
    "parked_id": "01a20048-1e00-7080-9a4c-7abc12cddc96",
    "actor": "user:1",
}


@pytest.mark.parametrize("control_type", ControlType)
def test_an_administrators_word_is_read(control_type: ControlType) -> None:
    message = parse_control(json.dumps({**GOOD, "type": control_type}))
    assert message is not None
    assert (message.type, message.parked_id, message.request_id) == (control_type, UUID(GOOD["parked_id"]), None)


@pytest.mark.parametrize("control_type", ControlType)
def test_a_control_is_never_a_backends_command(control_type: ControlType) -> None:
    with pytest.raises(MalformedCommandError):
        parse_command(json.dumps({**GOOD, "type": control_type}))


@pytest.mark.parametrize(
    "change",
    [
        {"type": "user.create"}, {"type": "command.erase"}, {"version": 2}, {"version": "1"}, {"parked_id": "x"},
        {"issued_at": "2026-11-21T12:00:00"}, {"actor": ""}, {"actor": "x" * 257}, {"command_id": "a b"},
        {"command_id": ""}, {"request_id": "x" * 65}, {"surplus": 1},
    ],
)  # fmt: skip
def test_anything_else_is_none(change: dict[str, object]) -> None:
    assert parse_control(json.dumps({**GOOD, **change})) is None


@pytest.mark.parametrize("name", [name for name in GOOD if name != "version"])
def test_nothing_may_be_left_out(name: str) -> None:
    assert parse_control(json.dumps({key: value for key, value in GOOD.items() if key != name})) is None


def test_a_message_over_the_limit_is_not_even_parsed() -> None:
    assert parse_control(json.dumps(GOOD) + " " * MAX_COMMAND_BYTES) is None


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert parse_control(text) is None
    assert parse_control('{"type": "command.' + text) is None


def test_deep_nesting_is_answered() -> None:
    assert parse_control('"command.' + "[" * 60_000) is None
