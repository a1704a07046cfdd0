"""Leases: one holder a shard, and who lost it can't record a cut."""

from __future__ import annotations

import pytest

from audit_relay.leases import Lease, LostLeaseError
from audit_relay.postgres import Session
from tests.fixtures.pipeline import until
from tests.fixtures.relays import TokenCore
from tests.fixtures.sealed import an_event


def expire(books):
    books.rows("UPDATE relay_shards SET lease_until = now() - interval '1 second'")


def test_a_shard_has_one_holder(books, by_hand):
    first, second = by_hand("outbox"), by_hand("outbox")
    assert (first.lease.is_held, second.lease.is_held) == (True, False)
    expire(books)
    assert second.lease.acquire(second.session)
    assert not first.lease.acquire(first.session)


@pytest.mark.parametrize("kind", ["outbox", "stream"])
def test_a_holder_that_lost_its_lease_records_nothing(books, by_hand, kind):
    first = by_hand(kind)
    if kind == "stream":
        core = TokenCore(books).begin()
        core.append(3)
        first.sealer.seal()  # begins the epoch
    else:
        books.write_outbox([an_event(index) for index in range(3)])
    expire(books)
    second = by_hand(kind)
    assert second.lease.is_held
    with pytest.raises(LostLeaseError):
        first.sealer.seal()
    assert not first.lease.is_held
    assert books.segments() == []
    assert second.sealer.seal()[0] == 3


def test_a_lease_that_ran_out_unclaimed_is_still_good(books, by_hand):
    hand = by_hand("outbox")
    books.write_outbox([an_event()])
    expire(books)
    assert hand.sealer.seal() == (1, False)
    assert not by_hand("outbox").lease.is_held


def test_a_holder_in_the_middle_of_a_cut_is_not_overtaken(books, by_hand):
    first = by_hand("outbox")
    books.write_outbox([an_event()])
    expire(books)
    with first.session.transaction() as transaction:
        first.lease.hold(transaction)
        challenger = Lease("outbox/0", "challenger", 30)
        session = Session(books.dsn)
        assert not challenger.acquire(session)
        session.close()


def test_a_stream_position_that_moved_is_read_again(books, by_hand, monkeypatch):
    core, first = TokenCore(books).begin(), by_hand("stream")
    core.append(2)
    first.sealer.seal()
    stale = first.sealer._stream.read

    def read_then_overtaken(cursor, wanted):
        read = stale(cursor, wanted)
        books.rows("UPDATE relay_shards SET stream_cursor = '1-1'")
        monkeypatch.setattr(first.sealer._stream, "read", stale)
        return read

    monkeypatch.setattr(first.sealer._stream, "read", read_then_overtaken)
    assert first.sealer.seal() == (0, True)
    assert books.segments() == []


def test_released_shards_are_taken_over_at_once(books, by_hand):
    first = by_hand("outbox", seconds=1000)
    first.lease.release(first.session)
    assert by_hand("outbox").lease.is_held


@pytest.mark.alone
def test_when_the_holder_dies_the_other_relay_takes_over(books, lane, start_relay):
    holder = start_relay()
    until(holder.is_ready, "the first relay")
    standby = start_relay()
    until(standby.is_ready, "the second relay")
    assert 'relay_shard_held{shard="outbox/0"} 1.0' in holder.get("/metrics").text
    assert 'relay_shard_held{shard="outbox/0"} 1.0' not in standby.get("/metrics").text
    holder.process.kill()
    books.write_outbox([an_event(index) for index in range(5)])
    until(lambda: books.value("SELECT count(*) FROM sealed_segments WHERE state = 'sent'") == 1, "sealed by the other")
    assert 'relay_shard_held{shard="outbox/0"} 1.0' in standby.get("/metrics").text
