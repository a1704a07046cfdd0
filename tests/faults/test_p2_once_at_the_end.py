"""P2: whatever is killed, sent twice or reordered, each event is in Parquet once and in ClickHouse once."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

import pytest

from tests.fixtures.pipeline import lake_rows, notification, until
from tests.fixtures.relays import Books, TokenCore
from tests.fixtures.sealed import an_event, broken_chains

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]
SEED = 20261121


@dataclass
class Load:
    """Producers that write to the outbox and append to the stream until told to stop; remembers what was acknowledged."""

    books: Books
    outbox: list[str] = field(default_factory=list)
    stream: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        for work in (self._write_outbox, self._append):
            self._threads.append(threading.Thread(target=work))
            self._threads[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write_outbox(self) -> None:
        while not self._stop.wait(0.01):
            events = [an_event(index) for index in range(20)]
            self.books.write_outbox(events)
            self.outbox += [event.event_id for event in events]

    def _append(self) -> None:
        core = TokenCore(self.books).begin()
        while not self._stop.wait(0.01):
            batch = core.make(15)
            answer = core.append(batch=batch)
            if answer != "ok":  # Redis forgot the producer: a new life, with the same events
                core = TokenCore(self.books).begin()
                batch = core.make([sealed.event for sealed in batch])
                assert core.append(batch=batch) == "ok"
            self.stream += [sealed.event.event_id for sealed in batch]


def deliver_twice_and_shuffled(lane, fan_out, load, chance: random.Random) -> None:
    """Every segment's message twice, in any order and company; then every object's notification twice."""
    bodies = lane.take_all(lane.audit_queue) * 2
    chance.shuffle(bodies)
    for start in range(0, len(bodies), 5):
        assert fan_out(bodies[start : start + 5]) == []
    messages = [notification(lane.bucket, key) for key in lane.objects()] * 2
    chance.shuffle(messages)
    for start in range(0, len(messages), 10):
        assert load(messages[start : start + 10]) == []


def nothing_waits(books) -> bool:
    position = books.value("SELECT max(stream_cursor) FROM relay_shards WHERE shard = 'stream/0'") or "0-0"
    with books.redis() as client:
        left = client.xrange("audit:{0}:stream", min=f"({position}", count=1)
    return (
        not left
        and books.value("SELECT count(*) FROM outbox WHERE segment_id IS NULL") == 0
        and books.value("SELECT count(*) FROM sealed_segments WHERE state = 'sealed'") == 0
    )


def assert_once_each(rows: list[dict], warehouse, expected: set[str]) -> None:
    counted = Counter(row["event_id"] for row in rows)
    assert [event for event, times in counted.items() if times > 1] == []
    assert set(counted) == expected
    there = Counter(row["event_id"] for row in warehouse.rows("SELECT event_id FROM events"))
    assert there == counted


def test_a_relay_killed_at_random_moments_under_load_seals_each_event_once(
    books, lane, start_relay, fan_out, load, warehouse
):
    chance = random.Random(SEED)
    with Load(books) as written:
        for _ in range(8):
            relay = start_relay()
            until(lambda relay=relay: "relay_events_sealed_total{" in relay.metrics(), "it seals", 60)
            time.sleep(chance.uniform(0, 0.6))  # the moment of the kill is what is tested
            relay.process.kill()
    start_relay()
    until(lambda: nothing_waits(books), "all sealed and sent", 60)
    assert books.value("SELECT count(*) FROM sealed_segments") > 10
    deliver_twice_and_shuffled(lane, fan_out, load, chance)
    rows = lake_rows(lane)
    assert_once_each(rows, warehouse, {*written.outbox, *written.stream})
    assert len(written.outbox) > 500
    assert len(written.stream) > 500
    assert broken_chains(rows) == []


def test_two_relays_of_which_one_freezes_and_wakes_seal_each_event_once(
    books, lane, start_relay, fan_out, load, warehouse
):
    chance = random.Random(SEED)
    relays = [start_relay(), start_relay()]
    for relay in relays:
        until(relay.is_ready, "ready")
    with Load(books) as written:
        for turn in range(3):
            frozen = relays[turn % 2].process
            frozen._popen.send_signal(signal.SIGSTOP)
            try:
                theirs = f"SELECT count(*) FROM relay_shards WHERE holder LIKE '%/{frozen.pid}/%'"
                until(lambda theirs=theirs: books.value(theirs) == 0, "the other takes every shard", 30)
                before = books.value("SELECT count(*) FROM sealed_segments")
                until(
                    lambda before=before: books.value("SELECT count(*) FROM sealed_segments") > before + 1,
                    "the other seals",
                )
            finally:
                frozen._popen.send_signal(signal.SIGCONT)
            time.sleep(chance.uniform(0, 0.5))
    until(lambda: nothing_waits(books), "all sealed and sent", 60)
    assert books.value("SELECT max(fence) FROM relay_shards") > 2
    deliver_twice_and_shuffled(lane, fan_out, load, chance)
    rows = lake_rows(lane)
    assert_once_each(rows, warehouse, {*written.outbox, *written.stream})
    assert broken_chains(rows) == []


def test_a_redis_flushed_under_load_loses_at_most_what_was_not_sealed_and_doubles_nothing(
    books, lane, start_relay, fan_out, load, warehouse
):
    chance = random.Random(SEED)
    relay = start_relay()
    until(relay.is_ready, "ready")
    flushes = 4
    with Load(books) as written:
        for _ in range(flushes):
            time.sleep(chance.uniform(0.5, 1.5))
            with books.redis() as client:
                client.flushall()
    until(lambda: nothing_waits(books), "all sealed and sent", 60)
    deliver_twice_and_shuffled(lane, fan_out, load, chance)
    rows = lake_rows(lane)
    in_lake = {row["event_id"] for row in rows}
    assert set(written.outbox) <= in_lake
    lost = [event for event in written.stream if event not in in_lake]
    assert_once_each(rows, warehouse, in_lake)
    assert len(lost) < len(written.stream) / 2
    # what is lost is the tail of an incarnation: what is there of each chain is whole
    assert broken_chains(rows) == []
    sealed = {
        row["producer"]: row["sealed_number"] for row in books.rows("SELECT producer, sealed_number FROM producers")
    }
    assert Counter(row["producer"] for row in rows) == Counter({name: n for name, n in sealed.items() if n})
