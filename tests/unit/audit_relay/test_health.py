from __future__ import annotations

from audit_relay.health import STUCK_SECONDS, liveness, readiness
from audit_relay.loops import Loop
from shared.clock import monotonic_seconds


def loop(name: str, *, error: str | None = None, silent_seconds: float = 0.0) -> Loop:
    made = Loop(name, lambda: 1.0, lambda _: None)
    made.error, made.beat = error, monotonic_seconds() - silent_seconds
    return made


def test_a_dependency_that_is_down_is_no_reason_to_be_restarted() -> None:
    loops = [loop("outbox/0 seal", error="OperationalError"), loop("mails", error="ClientError")]
    assert liveness(loops)[0]
    assert readiness(loops) == (
        False,
        {"status": "not ready", "loops": {"outbox/0 seal": "OperationalError", "mails": "ClientError"}},
    )


def test_one_stuck_loop_is_enough_to_be_restarted_and_is_named() -> None:
    loops = [loop("b", silent_seconds=STUCK_SECONDS + 1), loop("a", silent_seconds=STUCK_SECONDS + 1), loop("c")]
    assert liveness(loops) == (False, {"status": "stuck", "stuck": ["a", "b"]})


def test_all_well_is_alive_and_ready() -> None:
    assert liveness([loop("a")]) == (True, {"status": "alive", "stuck": []})
    assert readiness([loop("a")]) == (True, {"status": "ready", "loops": {"a": "ok"}})
