"""Stream entries are checked before anything is taken from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit_relay.cutting import UNKNOWN_HASH
from audit_relay.entries import Head, check_entry, links_after
from shared.audit_stream import MalformedEntryError
from tests.fixtures.sealed import an_event, chained

PRODUCER = "stream/0/01a20048-1e00-7080-9a4c-7abc12cddc96"


def fields(events, **changes) -> dict[bytes, bytes]:
    made = {
        "p": events[0].producer,
        "f": str(events[0].number),
        "n": str(len(events)),
        "d": "\n".join(each.line for each in events),
        **changes,
    }
    return {name.encode(): value.encode() for name, value in made.items()}


def test_what_a_producer_appends_is_read_whole():
    events = chained(PRODUCER, [an_event(index) for index in range(3)])
    entry = check_entry("1-0", fields(events), 0)
    assert (entry.first, entry.last, list(entry.events)) == (1, 3, events)


@pytest.mark.parametrize(
    "changes",
    [
        {"p": "stream/1/x"},
        {"p": "outbox/0/x"},
        {"f": "0"},
        {"f": "2"},
        {"f": "x"},
        {"n": "3"},
        {"d": "{}\n{}"},
        {"f": str(2**63)},
    ],
)
def test_an_entry_whose_fields_disagree_is_refused(changes):
    events = chained(PRODUCER, [an_event(index) for index in range(2)])
    with pytest.raises(MalformedEntryError):
        check_entry("1-0", fields(events, **changes), 0)


@pytest.mark.parametrize(
    "event",
    [
        an_event(occurred_at="2026-11-21T12:00:00.000000"),
        an_event(occurred_at="2026-11-21T12:00:00Z"),
        an_event(occurred_at="2026-02-30T12:00:00.000000Z"),
        an_event(occurred_at="0001-01-01T00:00:00.000000Z"),
        an_event(version=0),
        an_event(version=2**15),
        an_event(payload="x" * 500_000),
    ],
    ids=["no zone", "no fraction", "no such day", "before the lake", "version 0", "version too large", "too large"],
)
def test_an_event_that_would_make_its_segment_unreadable_is_refused(event):
    with pytest.raises(MalformedEntryError):
        check_entry("1-0", fields(chained(PRODUCER, [event])), 0)


def test_what_is_sealed_already_is_left_out():
    events = chained(PRODUCER, [an_event(index) for index in range(4)])
    entry = check_entry("1-0", fields(events), 0)
    links, broken = links_after(Head(2, bytes.fromhex(events[1].hash)), entry)
    assert ([each.sealed.number for each in links], broken) == ([3, 4], 0)
    assert [each.previous_hash for each in links] == [events[1].hash, events[2].hash]
    assert links_after(Head(4, bytes.fromhex(events[3].hash)), entry) == ([], 0)


def test_after_a_gap_nothing_is_claimed_of_what_came_before():
    events = chained(PRODUCER, [an_event(index) for index in range(5)])
    links, broken = links_after(Head.of_new(PRODUCER), check_entry("1-0", fields(events[3:]), 0))
    assert ([each.previous_hash for each in links], broken) == ([UNKNOWN_HASH, events[3].hash], 0)


def test_a_hash_that_does_not_follow_is_counted_and_claims_nothing():
    events = chained(PRODUCER, [an_event(index) for index in range(3)])
    events[1] = replace(events[1], hash="0" * 64)
    links, broken = links_after(Head.of_new(PRODUCER), check_entry("1-0", fields(events), 0))
    assert broken == 2  # the altered one, and the one that followed from what was there before
    assert [each.previous_hash == UNKNOWN_HASH for each in links] == [False, True, True]
