"""The append script on a real Redis in cluster mode: atomicity is the thing under test."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import redis

from events.payloads.audit import ProducerEnded
from events.record import build_event
from events.types import EventType
from shared.audit_stream import MalformedEntryError, append_command, epoch_key, head_key, read_entry, stream_key
from shared.ids import new_id
from token_core.incarnation import Incarnation


def batch(incarnation: Incarnation, count: int = 2) -> list:
    return incarnation.seal([
        build_event(
            EventType.PRODUCER_ENDED, payload=ProducerEnded(reason="test"), subject="platform", actor="platform",
            now=datetime.now(UTC), event_id=new_id(),
        )
        for _ in range(count)
    ])  # fmt: skip


@pytest.fixture
def store(redis_url: str):
    with redis.RedisCluster.from_url(redis_url, decode_responses=True) as client:
        yield client


def append(store, sealed: list, epoch: str = "e1") -> str:
    _, script, keys, *rest = append_command(0, sealed, epoch)
    return store.eval(script, keys, *rest)


def test_a_batch_is_there_once_however_often_it_is_sent(store) -> None:
    incarnation = Incarnation(0)
    first = batch(incarnation)
    assert [append(store, first) for _ in range(3)] == ["ok", "already", "already"]
    incarnation.advance(first)
    second = batch(incarnation, 3)
    assert append(store, second, "e2") == "ok"
    assert append(store, first) == "already"
    entries = [read_entry(entry_id, fields) for entry_id, fields in store.xrange(stream_key(0))]
    assert [(entry.first, entry.last) for entry in entries] == [(1, 2), (3, 5)]
    assert entries[1].lines == tuple(event.line for event in second)
    assert store.hget(head_key(0, incarnation.producer), "number") == "5"
    assert store.get(epoch_key(0)) == "e1"


def test_other_events_in_the_same_place_are_refused(store) -> None:
    incarnation = Incarnation(0)
    assert append(store, batch(incarnation)) == "ok"
    assert append(store, batch(incarnation)) == "gap"


def test_a_redis_that_forgot_the_producer_says_lost_and_one_that_is_behind_gap(store) -> None:
    incarnation = Incarnation(0)
    first = batch(incarnation)
    append(store, first)
    incarnation.advance(first)
    second = batch(incarnation)
    incarnation.advance(second)
    assert append(store, batch(incarnation)) == "gap"
    store.flushall(target_nodes="all")
    assert append(store, second) == "lost"
    assert store.xlen(stream_key(0)) == 0


def test_an_entry_that_nobody_of_ours_wrote_is_malformed() -> None:
    for fields in ({}, {"p": "x", "f": "1", "n": "2", "d": "one line"}, {"p": "x", "f": "a", "n": "1", "d": ""}):
        with pytest.raises(MalformedEntryError):
            read_entry("1-1", fields)
