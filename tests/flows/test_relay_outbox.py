"""Sealing the outbox: picked by mark, numbered, chained, recorded before the first send."""

from __future__ import annotations

import psycopg

from events.segment import MAX_ENCODED_BYTES, MAX_EVENTS, decode
from shared.database.outbox import insert_events
from shared.ids import new_id
from tests.fixtures.sealed import an_event


def numbers(books) -> dict[str, int]:
    rows = books.rows("SELECT id::text, number FROM outbox WHERE number IS NOT NULL")
    return {row["id"]: row["number"] for row in rows}


def test_rows_that_commit_late_are_sealed_though_younger_ones_were_before(books, by_hand):
    hand = by_hand("outbox")
    early, late = an_event(1), an_event(2)
    with psycopg.connect(books.dsn) as slow:
        insert_events(slow, [early])
        books.write_outbox([late])
        assert hand.sealer.seal() == (1, False)
    assert hand.sealer.seal() == (1, False)
    assert numbers(books) == {late.event_id: 1, early.event_id: 2}


def test_a_shard_is_one_chain_across_segments_and_holders(books, by_hand):
    books.write_outbox([an_event(index) for index in range(3)])
    first = by_hand("outbox")
    assert first.sealer.seal() == (3, False)
    first.lease.release(first.session)
    books.write_outbox([an_event(index) for index in range(2)])
    assert by_hand("outbox").sealer.seal() == (2, False)
    one, two = [decode(bytes(row["body"])) for row in books.segments()]
    assert (one.runs[0].first, one.runs[0].last, two.runs[0].first, two.runs[0].last) == (1, 3, 4, 5)
    assert two.runs[0].previous_hash == one.runs[0].head_hash
    (producer,) = books.rows("SELECT * FROM producers")
    assert (producer["sealed_number"], producer["sealed_hash"].hex()) == (5, two.runs[0].head_hash)


def test_what_is_recorded_is_what_the_message_says(books, by_hand):
    books.write_outbox([an_event(index) for index in range(7)])
    by_hand("outbox").sealer.seal()
    (row,) = books.segments()
    segment = decode(bytes(row["body"]))
    assert (segment.segment_id, segment.shard, row["event_count"]) == (str(row["id"]), "outbox/0", 7)
    assert [run.to_dict() for run in segment.runs] == row["runs"]
    marked = books.rows("SELECT id FROM outbox WHERE segment_id = %s ORDER BY number", [row["id"]])
    assert len(marked) == 7


def test_nothing_to_seal_writes_nothing(books, by_hand):
    assert by_hand("outbox").sealer.seal() == (0, False)
    assert books.segments() == []
    assert books.rows("SELECT * FROM producers") == []


def test_a_full_segment_is_cut_at_the_limits_and_more_is_announced(books, by_hand):
    books.write_outbox([an_event(index) for index in range(MAX_EVENTS + 10)])
    hand = by_hand("outbox")
    sealed, more = hand.sealer.seal()
    assert more
    while more:
        events, more = hand.sealer.seal()
        sealed += events
    assert sealed == MAX_EVENTS + 10
    for row in books.segments():
        assert row["event_count"] <= MAX_EVENTS
        assert len(row["body"]) <= MAX_ENCODED_BYTES
    assert sorted(numbers(books).values()) == list(range(1, sealed + 1))


def test_events_that_hardly_compress_are_cut_by_bytes(books, by_hand):
    import secrets

    books.write_outbox([an_event(index, payload=f'"{secrets.token_hex(60_000)}"') for index in range(30)])
    hand = by_hand("outbox")
    more, sealed = True, 0
    while more:
        events, more = hand.sealer.seal()
        sealed += events
    assert sealed == 30
    assert len(books.segments()) > 1
    assert all(len(row["body"]) <= MAX_ENCODED_BYTES for row in books.segments())


def test_a_row_that_no_segment_can_take_stays_visible_and_holds_nobody_up(books, by_hand):
    good = an_event(1)
    books.write_outbox(
        [good, an_event(2, occurred_at="2026-11-21T12:00:00+01:00"), an_event(3, payload='"' + "x" * 500_000 + '"')]
    )
    books.rows("INSERT INTO outbox (id, shard, envelope) VALUES (%s, 0, 'not an event')", [new_id()])
    hand = by_hand("outbox")
    assert hand.sealer.seal()[0] == 1
    books.write_outbox([an_event(4)])
    assert hand.sealer.seal()[0] == 1
    assert hand.sealer.seal() == (0, False)
    assert books.value("SELECT count(*) FROM outbox WHERE segment_id IS NULL") == 3
    assert b'relay_events_set_aside_total{shard="outbox/0"} 3.0' in hand.metrics.text()


def test_shards_are_sealed_apart(books, by_hand):
    books.write_outbox([an_event(0, subject=f"client:{index}") for index in range(40)], shards=2)
    total = by_hand("outbox").sealer.seal()[0] + by_hand("outbox", shard=1).sealer.seal()[0]
    assert total == 40
    assert [row["shard"] for row in books.segments()] == ["outbox/0", "outbox/1"]
    assert books.value("SELECT count(*) FROM producers WHERE kind = 'outbox'") == 2
