from __future__ import annotations

import json
from typing import Any

import pytest

from events.commands import MAX_COMMAND_BYTES, MalformedCommandError, UserUpdateCommand, parse_command

COMMAND: dict[str, Any] = {
    "command_id": "hr-1",
    "type": "user.update",
    "version": 1,
    "issued_at": "2026-01-01T08:00:00Z",
    "user": {"external_id": "emp-1815"},
    "payload": {"email": "ada@example.com"},
}


def refusal(body: str) -> MalformedCommandError:
    with pytest.raises(MalformedCommandError) as caught:
        parse_command(body)
    return caught.value


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", '"x"', "null", "NaN", '{"version": NaN}', "[" * 50_000, '{"type": 1, "type": 2}'],
    ids=["empty", "cut off", "list", "text", "null", "NaN", "NaN inside", "deep", "a key twice"],
)
def test_what_is_no_json_object_is_malformed(body: str) -> None:
    assert refusal(body).reason == "malformed_json"


def test_a_message_over_64_kib_is_too_large_whatever_it_says() -> None:
    body = json.dumps({**COMMAND, "payload": {"email": "x" * MAX_COMMAND_BYTES}})
    assert refusal(body).reason == "too_large"


def test_bytes_are_counted_not_characters() -> None:
    assert refusal(json.dumps({"x": "ü" * 40_000}, ensure_ascii=False)).reason == "too_large"


@pytest.mark.parametrize("command_type", ["user.promote", "", None, 7, ["user.update"], {"a": 1}])
def test_an_unknown_type_is_named_so_and_keeps_the_command_id(command_type: object) -> None:
    error = refusal(json.dumps({**COMMAND, "type": command_type}))
    assert (error.reason, error.command_id, error.command_type) == ("unknown_type", "hr-1", None)


@pytest.mark.parametrize("version", [2, 0, "1", 1.0, True, None])
def test_an_unknown_version_is_named_so(version: object) -> None:
    error = refusal(json.dumps({**COMMAND, "version": version}))
    assert (error.reason, error.command_type) == ("unknown_version", "user.update")


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"payload": {"email": 7}}, "payload.email"),
        ({"payload": {"emial": "a@example.com"}}, "payload.emial"),
        ({"payload": {"profile": {"name": "a\nb"}}}, "payload.profile.name"),
        ({"payload": {"profile": {"picture": "javascript:alert(1)"}}}, "payload.profile.picture"),
        ({"user": {}}, "user"),
        ({"user": {"external_id": "with space"}}, "user"),
        ({"user": {"external_id": "x" * 129}}, "user"),
        ({"issued_at": "2026-01-01T08:00:00"}, "issued_at"),
        ({"issued_at": 1767225600}, "issued_at"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_an_invalid_field_is_named(change: dict[str, Any], names: str) -> None:
    error = refusal(json.dumps({**COMMAND, **change}))
    assert error.reason == "invalid_field"
    assert names in error.detail


def test_the_detail_never_repeats_a_value() -> None:
    error = refusal(json.dumps({**COMMAND, "payload": {"email": ["hunter2"], "profile": {"locale": "hunter2 !"}}}))
    assert "hunter2" not in error.detail + str(error)


def test_a_key_that_is_not_ours_is_cut_short_in_the_detail() -> None:
    error = refusal(json.dumps({**COMMAND, "payload": {"k" * 5000: 1}}))
    assert len(error.detail) < 200


@pytest.mark.parametrize("command_id", ["", "a b", "x" * 65, "ä", 7, None])
def test_an_unreadable_command_id_is_none(command_id: object) -> None:
    error = refusal(json.dumps({**COMMAND, "command_id": command_id}))
    assert (error.reason, error.command_id) == ("invalid_field", None)


def test_the_group_is_the_users_reference() -> None:
    by_external_id = parse_command(json.dumps(COMMAND))
    by_id = parse_command(json.dumps({**COMMAND, "user": {"id": "0190F3A4-6c1e-7b2a-9d3e-5f60718293a4"}}))
    assert by_external_id.user.group_key == "emp-1815"
    assert by_id.user.group_key == "0190f3a4-6c1e-7b2a-9d3e-5f60718293a4"


def test_an_absent_claim_and_one_that_is_null_are_told_apart() -> None:
    command = parse_command(json.dumps({**COMMAND, "payload": {"profile": {"nickname": None}}}))
    assert isinstance(command, UserUpdateCommand)
    assert command.payload.model_dump(exclude_unset=True) == {"profile": {"nickname": None}}
