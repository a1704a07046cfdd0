"""A failing step is repeated, says so, and recovers by itself."""

from __future__ import annotations

from audit_relay.health import liveness, readiness
from audit_relay.loops import Loop
from shared.clock import monotonic_seconds
from tests.fixtures.pipeline import until


def test_a_step_that_fails_is_repeated_until_it_works():
    calls, errors = [], []

    def step() -> float:
        calls.append(1)
        if len(calls) < 3:
            raise ConnectionError("secret detail")
        return 10.0

    loop = Loop("a", step, errors.append)
    assert readiness([loop]) == (False, {"status": "not ready", "loops": {"a": "has not run yet"}})
    loop.start()
    until(lambda: loop.error is None, "recovered")
    loop.stop()
    assert loop.join(5)
    assert errors == ["a", "a"]
    assert readiness([loop]) == (True, {"status": "ready", "loops": {"a": "ok"}})


def test_what_failed_is_named_by_its_kind_alone():
    def step() -> float:
        raise ConnectionError("secret detail")

    loop = Loop("a", step, lambda _: None)
    loop.start()
    until(lambda: loop.error == "ConnectionError", "the failure")
    assert readiness([loop])[1] == {"status": "not ready", "loops": {"a": "ConnectionError"}}
    assert liveness([loop])[0]
    loop.stop()
    assert loop.join(5)


def test_a_loop_that_is_stuck_is_not_alive():
    loop = Loop("a", lambda: 0.0, lambda _: None)
    loop.beat = monotonic_seconds() - 3600
    assert liveness([loop]) == (False, {"status": "stuck", "stuck": ["a"]})


def test_waking_ends_the_wait():
    calls = []
    loop = Loop("a", lambda: calls.append(1) or 3600.0, lambda _: None)
    loop.start()
    until(lambda: len(calls) == 1, "the first step")
    until(lambda: loop.wake() or len(calls) > 1, "the next step")
    loop.stop()
    assert loop.join(5)


def test_draining_goes_on_while_there_is_work_and_stops_at_a_failure():
    left = [0.0, 0.0, 1.0]
    Loop("a", lambda: left.pop(0), lambda _: None).drain(monotonic_seconds() + 5)
    assert left == []

    def fails() -> float:
        raise ConnectionError

    Loop("a", fails, lambda _: None).drain(monotonic_seconds() + 5)
