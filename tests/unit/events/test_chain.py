"""The chain, against vectors computed without the code under test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import chain
from events.envelope import Event, SealedEvent

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "audit_chain.json").read_text())
PRODUCER = VECTORS["producer"]


def test_the_genesis_hash_is_the_known_answer() -> None:
    assert chain.genesis(PRODUCER).hex() == VECTORS["genesis"]


@pytest.mark.parametrize("number", range(1, len(VECTORS["events"]) + 1))
def test_the_canonical_form_is_the_known_answer(number: int) -> None:
    vector = VECTORS["events"][number - 1]
    assert chain.canonical(PRODUCER, number, Event(**vector["event"])).hex() == vector["canonical_hex"]


def test_every_hash_of_the_chain_is_the_known_answer() -> None:
    previous = chain.genesis(PRODUCER)
    for number, vector in enumerate(VECTORS["events"], 1):
        sealed = chain.seal(previous, PRODUCER, number, Event(**vector["event"]))
        assert sealed.hash == vector["hash"]
        previous = bytes.fromhex(sealed.hash)


@pytest.mark.parametrize("field", ["event_id", "type", "occurred_at", "request_id", "subject", "payload", "personal"])
def test_changing_any_field_changes_the_hash(field: str) -> None:
    event = VECTORS["events"][1]["event"]
    before = chain.seal(b"\0" * 32, PRODUCER, 2, Event(**event)).hash
    assert chain.seal(b"\0" * 32, PRODUCER, 2, Event(**{**event, field: "another"})).hash != before


def test_an_absent_field_and_an_empty_one_are_told_apart() -> None:
    event = VECTORS["events"][0]["event"]
    absent, empty = Event(**{**event, "client_id": None}), Event(**{**event, "client_id": ""})
    assert chain.canonical(PRODUCER, 1, absent) != chain.canonical(PRODUCER, 1, empty)


texts = st.text(st.characters(exclude_categories=["Cs"]))
events = st.builds(
    Event,
    texts, texts, st.integers(1, 2**31), texts, st.none() | texts, texts, texts,
    st.none() | texts, st.none() | texts, st.none() | texts, texts, st.none() | texts,
)  # fmt: skip


@given(events, texts, st.integers(1, 2**62))
def test_the_canonical_form_is_json_as_everybody_writes_it(event: Event, producer: str, number: int) -> None:
    plain = [1, producer, number, event.event_id, event.type, event.version, event.occurred_at, event.request_id]
    plain += [event.subject, event.actor, event.client_id, event.session_id, event.subject_key_id]
    plain += [event.payload, event.personal]
    expected = json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()
    assert chain.canonical(producer, number, event) == expected


@given(events, texts, st.integers(1, 2**62))
def test_a_line_read_back_is_the_same_event(event: Event, producer: str, number: int) -> None:
    sealed = chain.seal(chain.genesis(producer), producer, number, event)
    assert "\n" not in sealed.line
    assert SealedEvent.from_line(sealed.line) == sealed
    assert SealedEvent.from_line(sealed.line.encode()) == sealed
    assert Event.from_json(event.to_json()) == event
