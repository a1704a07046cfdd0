"""Sealing the stream: verified against the producers' sealed heads, nothing doubled, nothing lost, nothing hidden."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from audit_relay.postgres import Session
from audit_relay.redis_stream import AuditStream, connector
from audit_relay.trimming import StreamTrimmer
from events.segment import MAX_EVENTS, decode
from tests.fixtures.relays import TokenCore


def bodies(books):
    return [decode(bytes(row["body"])) for row in books.segments()]


def seal_all(hand) -> int:
    sealed, more = 0, True
    while more:
        events, more = hand.sealer.seal()
        sealed += events
    return sealed


def test_two_producers_interleaved_become_two_whole_runs(books, by_hand):
    one, two, hand = TokenCore(books).begin(), TokenCore(books).begin(), by_hand("stream")
    for _ in range(3):
        assert (one.append(2), two.append(3)) == ("ok", "ok")
    assert seal_all(hand) == 15
    (segment,) = bodies(books)
    assert {(run.producer, run.first, run.last) for run in segment.runs} == {(one.producer, 1, 6), (two.producer, 1, 9)}
    heads = {row["producer"]: row["sealed_hash"].hex() for row in books.rows("SELECT * FROM producers")}
    assert heads == {run.producer: run.head_hash for run in segment.runs}
    assert seal_all(hand) == 0


def test_a_repeated_entry_is_sealed_once(books, by_hand):
    core, hand = TokenCore(books).begin(), by_hand("stream")
    batch = core.make(3)
    assert core.append(batch=batch) == "ok"
    assert core.append(batch=batch) == "already"
    core.append_past_the_script(batch)
    assert seal_all(hand) == 3
    core.append_past_the_script(batch)
    core.append(1)
    assert seal_all(hand) == 1
    assert sum(len(segment.lines) for segment in bodies(books)) == 4


def test_a_gap_stays_visible_in_the_runs(books, by_hand):
    core, hand = TokenCore(books).begin(), by_hand("stream")
    core.append(2)
    core.make(2)  # numbers 3 and 4 never reach the stream
    core.append_past_the_script(core.make(2))
    assert seal_all(hand) == 4
    (segment,) = bodies(books)
    assert [(run.first, run.last, run.previous_hash == "") for run in segment.runs] == [(1, 2, False), (5, 6, True)]
    assert books.value("SELECT sealed_number FROM producers") == 6


def test_an_altered_entry_is_kept_as_it_is_in_a_run_that_proves_nothing(books, by_hand):
    core, hand = TokenCore(books).begin(), by_hand("stream")
    core.append(2)
    altered = core.make(2)
    altered[0] = replace(altered[0], event=replace(altered[0].event, subject="somebody else"))
    core.append_past_the_script(altered)
    assert seal_all(hand) == 4
    (segment,) = bodies(books)
    assert [(run.first, run.last, run.previous_hash == "") for run in segment.runs] == [(1, 2, False), (3, 4, True)]
    assert b'relay_chain_breaks_total{shard="stream/0"} 1.0' in hand.metrics.text()


def test_entries_that_no_producer_wrote_are_put_aside_and_hold_nobody_up(books, by_hand):
    core, hand = TokenCore(books).begin(), by_hand("stream")
    with books.redis() as client:
        for junk in (
            {"x": "y"},
            {"p": "stream/0/x", "f": "1", "n": "1", "d": "{}"},
            {"p": b"\xff", "f": "1", "n": "9", "d": "1"},
        ):
            client.xadd("audit:{0}:stream", junk)
        core.append(2)
        stranger = TokenCore(books, shard=1).begin().make(1)
        entry = {"p": stranger[0].producer, "f": 1, "n": 1, "d": stranger[0].line}
        client.xadd("audit:{0}:stream", entry)
        assert seal_all(hand) == 2
        assert seal_all(hand) == 0
        assert client.xlen("audit:{0}:rejected") == 4


def test_a_producer_that_never_registered_is_adopted_in_plain_sight(books, by_hand):
    core, hand = TokenCore(books).begin(registered=False), by_hand("stream")
    core.append(2)
    assert seal_all(hand) == 2
    assert books.rows("SELECT service, sealed_number FROM producers") == [
        {"service": "unregistered", "sealed_number": 2}
    ]


def test_a_flushed_redis_begins_a_new_epoch_and_loses_nothing_sealed(books, by_hand):
    core, hand = TokenCore(books).begin(), by_hand("stream")
    core.append(3)
    assert seal_all(hand) == 3
    with books.redis() as client:
        client.flushall()
    assert core.append(1) == "lost"
    successor = TokenCore(books).begin()
    assert successor.append(2) == "ok"
    assert seal_all(hand) == 2
    assert [len(segment.lines) for segment in bodies(books)] == [3, 2]  # the first is whole, though Redis forgot it
    assert len({row["stream_epoch"] for row in books.segments()}) == 2
    assert b'relay_streams_lost_total{shard="stream/0"} 1.0' in hand.metrics.text()


def test_a_first_batch_repeated_into_a_flushed_redis_is_not_sealed_again(books, by_hand):
    core, hand = TokenCore(books).begin(), by_hand("stream")
    batch = core.make(3)
    core.append(batch=batch)
    seal_all(hand)
    with books.redis() as client:
        client.flushall()
    assert core.append(batch=batch) == "ok"
    assert seal_all(hand) == 0


def test_a_cut_within_an_entry_goes_on_where_it_ended(books, by_hand):
    core, hand = TokenCore(books).begin(), by_hand("stream")
    core.append(MAX_EVENTS - 3)
    core.append(10)
    assert seal_all(hand) == MAX_EVENTS + 7
    runs = [run for segment in bodies(books) for run in segment.runs]
    assert all(after.previous_hash == before.head_hash for before, after in pairwise(runs))
    assert runs[-1].last == MAX_EVENTS + 7


def test_the_stream_keeps_what_is_not_sent(books, by_hand):
    core, hand = TokenCore(books).begin(), by_hand("stream")
    trimmer = StreamTrimmer("stream/0", Session(books.dsn), AuditStream(connector(books.redis_url), 0))
    with books.redis() as client:
        core.append(2)
        seal_all(hand)
        core.append(3)
        seal_all(hand)
        core.append(1)
        trimmer.trim()
        assert client.xlen("audit:{0}:stream") == 3
        books.rows("UPDATE sealed_segments SET state = 'sent' WHERE event_count = 2")
        trimmer.trim()
        assert client.xlen("audit:{0}:stream") == 2
        books.rows("UPDATE sealed_segments SET state = 'sent'")
        trimmer.trim()
        assert client.xlen("audit:{0}:stream") == 1
        assert seal_all(hand) == 1
