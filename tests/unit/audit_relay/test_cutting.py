"""Cuts: within both limits, a function of the events alone, gaps in runs of their own."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from audit_relay.cutting import UNKNOWN_HASH, Link, Sizing, cut
from events.chain import genesis
from events.segment import MAX_ENCODED_BYTES, MAX_EVENTS, decode
from shared.ids import new_id
from tests.fixtures.sealed import an_event, chained

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def links(producer: str, count: int, **changes) -> list[Link]:
    sealed = chained(producer, [an_event(index, **changes) for index in range(count)])
    before = [genesis(producer).hex(), *(each.hash for each in sealed)]
    return [Link(each, previous) for each, previous in zip(sealed, before, strict=False)]


def test_the_same_events_give_the_same_bytes():
    offered, segment_id = links("outbox/0/a", 20), new_id()
    assert cut(segment_id, "outbox/0", NOW, offered, 100).body == cut(segment_id, "outbox/0", NOW, offered, 100).body


def test_interleaved_producers_are_grouped_run_after_run():
    one, two = links("stream/0/a", 3), links("stream/0/b", 3)
    mixed = [each for pair in zip(one, two, strict=True) for each in pair]
    segment = decode(cut(new_id(), "stream/0", NOW, mixed, 100).body)
    assert [(run.producer, run.first, run.last) for run in segment.runs] == [("stream/0/a", 1, 3), ("stream/0/b", 1, 3)]
    assert list(segment.lines) == [each.sealed.line for each in (*one, *two)]


def test_a_gap_begins_a_run_of_its_own():
    offered = links("stream/0/a", 5)
    offered = [*offered[:2], Link(offered[3].sealed, UNKNOWN_HASH), offered[4]]
    segment = decode(cut(new_id(), "stream/0", NOW, offered, 100).body)
    assert [(run.first, run.last, run.previous_hash == "") for run in segment.runs] == [(1, 2, False), (4, 5, True)]


def test_a_cut_that_is_too_large_is_made_smaller_until_it_fits():
    offered = links("outbox/0/a", 12, payload=f'"{secrets.token_hex(100_000)}"')
    offered = [Link(each.sealed, each.previous_hash) for each in offered]
    made = cut(new_id(), "outbox/0", NOW, offered, MAX_EVENTS)
    assert len(made.body) <= MAX_ENCODED_BYTES
    assert made.taken == made.segment.runs[0].last >= 1


def test_the_next_cut_tries_as_many_as_would_have_fitted():
    sizing = Sizing()
    assert sizing.events == MAX_EVENTS
    sizing.learn(cut(new_id(), "outbox/0", NOW, links("a", 4, payload=f'"{secrets.token_hex(50_000)}"'), 4))
    small = sizing.events
    assert 1 <= small < MAX_EVENTS
    sizing.learn(cut(new_id(), "outbox/0", NOW, links("a", 50), 50))
    assert sizing.events > small
