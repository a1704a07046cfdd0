from __future__ import annotations

from datetime import UTC, datetime

from events import chain
from events.payloads.audit import ProducerEnded
from events.record import build_event
from events.types import EventType
from shared.ids import new_id
from token_core.incarnation import Incarnation


def events(count: int) -> list:
    payload = ProducerEnded(reason="test")
    return [
        build_event(
            EventType.PRODUCER_ENDED, payload=payload, subject="platform", actor="platform", now=datetime.now(UTC),
            event_id=new_id(),
        )
        for _ in range(count)
    ]  # fmt: skip


def test_numbers_and_hashes_go_on_only_from_what_is_known_to_be_there() -> None:
    incarnation = Incarnation(0)
    first = incarnation.seal(events(3))
    again = incarnation.seal(events(2))
    assert [event.number for event in first] == [1, 2, 3]
    assert [event.number for event in again] == [1, 2], "nothing was advanced"
    incarnation.advance(again)
    after = incarnation.seal(events(1))
    assert after[0].number == 3
    previous = bytes.fromhex(again[-1].hash)
    assert chain.seal(previous, incarnation.producer, 3, after[0].event).hash == after[0].hash


def test_an_ending_tells_what_is_known_and_what_is_not() -> None:
    incarnation = Incarnation(0)
    incarnation.advance(incarnation.seal(events(3)))
    ending = incarnation.end("uncertain", 5)
    assert (ending.number, ending.uncertain_number, ending.producer) == (3, 5, incarnation.producer)
