"""When a shard cuts: at once where there is much, else once an interval; never without the lease."""

from __future__ import annotations

import pytest

from audit_relay import shards
from audit_relay.leases import LostLeaseError
from audit_relay.metrics import Metrics
from audit_relay.shards import STANDBY_SECONDS, ShardSealing


class Lease:
    shard = "outbox/0"

    def __init__(self) -> None:
        self.is_held, self.is_free, self.is_lost = False, True, False

    def acquire(self, _: object) -> bool:
        self.is_held = self.is_free
        return self.is_held

    def keep(self, _: object) -> None:
        if self.is_lost:
            self.is_held = False
            raise LostLeaseError(self.shard)


class World:
    def __init__(self) -> None:
        self.lease, self.woken, self.seals, self.results, self.seconds = Lease(), 0, 0, [], 100.0
        self.sealing = ShardSealing(self.lease, None, self, self.wake, Metrics(), cut_seconds=1.0, poll_seconds=0.1)

    def wake(self) -> None:
        self.woken += 1

    def seal(self) -> tuple[int, bool]:
        self.seals += 1
        return self.results.pop(0) if self.results else (0, False)


@pytest.fixture
def world(monkeypatch) -> World:
    made = World()
    monkeypatch.setattr(shards, "monotonic_seconds", lambda: made.seconds)
    return made


def test_without_the_lease_nothing_is_sealed(world: World) -> None:
    world.lease.is_free = False
    assert world.sealing.step() == STANDBY_SECONDS
    assert (world.seals, world.woken) == (0, 0)


def test_a_new_holder_has_sent_what_the_former_one_recorded(world: World) -> None:
    world.sealing.step()
    assert (world.seals, world.woken) == (1, 1)


def test_a_lone_event_is_cut_at_once_and_the_next_an_interval_later(world: World) -> None:
    world.results = [(1, False), (1, False)]
    assert world.sealing.step() == 0.1
    world.seconds += 0.5
    assert world.sealing.step() == 0.1
    assert world.seals == 1
    world.seconds += 0.5
    world.sealing.step()
    assert world.seals == 2


def test_while_there_is_more_than_one_segment_it_goes_on_at_once(world: World) -> None:
    world.results = [(5_000, True), (5_000, True), (1, False)]
    assert [world.sealing.step() for _ in range(3)] == [0.0, 0.0, 0.1]


def test_looking_in_vain_delays_nothing(world: World) -> None:
    world.sealing.step()
    world.results = [(1, False)]
    world.sealing.step()
    assert world.seals == 2


def test_a_lost_lease_stops_the_work_at_once(world: World) -> None:
    world.sealing.step()
    world.lease.is_lost, world.lease.is_free = True, False
    assert [world.sealing.step(), world.sealing.step()] == [STANDBY_SECONDS, STANDBY_SECONDS]
    assert world.seals == 1


def test_draining_waits_for_no_interval_and_takes_no_new_shard(world: World) -> None:
    world.results = [(1, False), (1, False)]
    world.sealing.step()
    world.sealing.is_draining = True
    world.sealing.step()
    assert world.seals == 2
    world.lease.is_held = False
    assert world.sealing.step() == STANDBY_SECONDS
