from __future__ import annotations

import json
from pathlib import Path

import pytest

from events.chain import genesis, seal
from events.envelope import EVENT_COLUMNS, SEALED_COLUMNS, Event, MalformedEventError, SealedEvent

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "audit_chain.json").read_text())
EVENT = Event(**VECTORS["events"][1]["event"])


def test_a_line_has_the_columns_of_the_lake_in_their_order() -> None:
    line = seal(genesis("p"), "p", 1, EVENT).line
    assert tuple(json.loads(line)) == SEALED_COLUMNS
    assert SEALED_COLUMNS == (
        "event_id", "type", "version", "occurred_at", "producer", "number", "hash", "request_id", "subject",
        "actor", "client_id", "session_id", "subject_key_id", "payload", "personal",
    )  # fmt: skip
    assert tuple(json.loads(EVENT.to_json())) == EVENT_COLUMNS


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", "{", '{"event_id":"x"}', "[" * 100_000],
    ids=["empty", "list", "null", "no keys", "cut off", "one key", "deep"],
)
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(MalformedEventError):
        Event.from_json(text)
    with pytest.raises(MalformedEventError):
        SealedEvent.from_line(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", "1"), ("version", True), ("version", None), ("subject", None), ("payload", {}), ("request_id", 7)],
)
def test_a_field_of_another_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(MalformedEventError):
        Event.from_json(json.dumps({**json.loads(EVENT.to_json()), field: value}))


def test_an_unknown_field_is_refused_because_the_chain_would_not_cover_it() -> None:
    with pytest.raises(MalformedEventError):
        Event.from_json(json.dumps({**json.loads(EVENT.to_json()), "note": "x"}))


@pytest.mark.parametrize(("field", "value"), [("number", "1"), ("number", True), ("producer", None), ("hash", 1)])
def test_a_sealed_line_with_a_wrong_place_in_the_chain_is_refused(field: str, value: object) -> None:
    line = json.loads(seal(genesis("p"), "p", 1, EVENT).line)
    with pytest.raises(MalformedEventError):
        SealedEvent.from_line(json.dumps({**line, field: value}))
