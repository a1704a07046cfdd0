"""Whatever a message holds, it is answered, kept, and never raises."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.commands import RejectionReason
from events.types import CommandType
from functions.provision_user.message import Message, storable
from functions.provision_user.reading import read_message

TEXT = st.text(st.characters(codec=None), max_size=40)  # lone surrogates and NUL, too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXT, children, max_size=4),
    max_leaves=12,
)
NAMES = ["command_id", "type", "version", "issued_at", "user", "payload"]
TYPES = st.sampled_from([*CommandType, "command.redrive", "command.dismiss"])


@st.composite
def near_commands(draw):
    """Commands with some of their parts replaced by anything."""
    body = {
        "command_id": "c-1",
        "type": draw(TYPES),
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "user": {"external_id": "u"},
        "payload": draw(
            st.fixed_dictionaries({}, optional={"email": TEXT, "profile": JSON, "roles": JSON, "reason": JSON})
        ),
    }
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
        body[name] = draw(JSON)
    return body


def read(body):
    return read_message(Message("AROA:s", "u", "m-1", body))


@given(TEXT | near_commands().map(json.dumps) | JSON.map(json.dumps))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_command_or_has_a_reason(body):
    reading = read(body)
    assert sum(part is not None for part in (reading.command, reading.control, reading.problem)) == 1
    assert 1 <= len(reading.command_id) <= 64
    if reading.problem is not None:
        assert reading.problem.reason in RejectionReason
        assert reading.problem.detail == storable(reading.problem.detail)


def test_a_key_that_postgres_cannot_hold_is_named_so_that_it_can():
    body = {"command_id": "c-1", "type": "user.disable", "version": 1, "issued_at": "2026-01-01T00:00:00Z"}
    body |= {"user": {"external_id": "u"}, "payload": {"a\x00\x1bb" * 20: 1}}
    detail = read(json.dumps(body)).problem.detail
    assert detail.isprintable()
    assert detail == storable(detail)


@given(near_commands().map(lambda body: json.dumps(body, ensure_ascii=False)))
@settings(max_examples=200, deadline=None)
def test_unescaped_text_is_read_likewise(body):
    read(body)


@given(TEXT)
def test_what_is_kept_of_a_body_is_what_postgres_can_hold(text):
    kept = storable(text)
    assert "\x00" not in kept
    assert kept.encode() is not None
    if "\x00" not in text and text.isascii():
        assert kept == text


def test_deeply_nested_json_is_malformed_and_not_a_crash():
    for opening in ("[", '{"a":'):
        assert read(opening * 12_000).problem.reason is RejectionReason.MALFORMED_JSON
    assert read('{"a":' * 10_000 + "1" + "}" * 10_000).problem is not None


def test_numbers_that_are_none_and_numbers_without_end_are_malformed():
    for body in ('{"a": NaN}', '{"a": Infinity}', "1" * 60_000):
        assert read(body).problem.reason is RejectionReason.MALFORMED_JSON


def test_a_type_that_is_no_text_is_unknown():
    for value in ([], {}, 1, None, True):
        assert read(json.dumps({"command_id": "c-1", "type": value})).problem.reason is RejectionReason.UNKNOWN_TYPE


def test_a_message_without_a_readable_id_is_named_by_sqs():
    reading = read_message(Message("AROA", "u", "0d4b6a9e-1111-2222-3333-444455556666", "{"))
    assert reading.command_id == "message:0d4b6a9e-1111-2222-3333-444455556666"
    assert not reading.has_own_id


@given(body=TEXT | near_commands().map(json.dumps))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_answered_and_kept(desk, body):
    outcome = desk.take(desk.raw(body, group="u"))
    assert outcome.state in ("applied", "rejected", "parked", "waiting")
    assert desk.inbox(outcome.command_id)


@given(sender=TEXT, group=TEXT)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sender_and_group_are_answered(desk, sender, group):
    outcome = desk.take(desk.raw("{}", sender=sender, group=group))
    assert outcome.reason == "unknown_sender"
