"""Liveness, readiness, metrics over all workers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore


def test_live_and_ready_tell_each_dependencys_state(token_core: TokenCore) -> None:
    with token_core.http() as http:
        assert http.get("/health/live").json() == {"status": "live"}
        ready = http.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "dependencies": {"postgres": "ok", "redis": "ok", "keys": "ok"}}


def counted(core: TokenCore) -> float:
    with core.http() as http:
        text = http.get("/metrics").text
    return sum(
        float(value) for value in re.findall(r'tokens_issued_total\{grant_type="client_credentials"\} (\S+)', text)
    )


def test_metrics_are_those_of_all_workers(token_core: TokenCore) -> None:
    before = counted(token_core)
    for _ in range(30):  # each on a connection of its own: both workers get some
        assert token_core.token(grant_type="client_credentials", scope="orders.read").status_code == 200
    eventually(lambda: counted(token_core) == before + 30, "thirty more")
    assert counted(token_core) == before + 30, "whichever worker is asked"


def test_paths_and_methods_from_outside_make_no_new_series(token_core: TokenCore) -> None:
    with token_core.http() as http:
        for n in range(5):
            http.get(f"/made-up/{n}")
            http.request(f"VERB{n}", "/oauth2/token")
        text = http.get("/metrics").text
    assert "made-up" not in text
    assert "VERB" not in text
