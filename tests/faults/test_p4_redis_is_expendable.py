"""P4: Redis is expendable. Flushed or killed for good, nobody is signed out and nothing revoked comes back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from shared.audit_stream import epoch_key
from tests.faults.test_p1_no_token_without_its_record import Load
from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    from tests.fixtures.token_core import BreakableCore, TokenCore

pytestmark = pytest.mark.alone


def issue(core: TokenCore) -> int:
    return core.token(grant_type="client_credentials", scope="orders.read").status_code


def test_a_flushed_redis_ends_the_incarnation_and_signs_nobody_out(breakable_core: BreakableCore) -> None:
    core = breakable_core.core
    body, spent_code = core.sign_in(), core.issue_code()
    assert core.exchange(spent_code).status_code == 200
    revoked = core.sign_in()
    core.post("/oauth2/revoke", "web", token=revoked["refresh_token"])
    eventually(lambda: issue(core) == 200 and core.stream(), "a stream")
    in_flight = core.issue_code()
    with core.redis() as store:
        epoch = store.get(epoch_key(0))
        store.flushall(target_nodes="all")

    assert core.exchange(in_flight).json()["error"] == "invalid_grant", "a code in flight has to be asked for again"
    assert core.exchange(spent_code).json()["error"] == "invalid_grant", "and a spent one stays spent"
    assert core.refresh(revoked["refresh_token"]).json()["error"] == "invalid_grant"
    assert core.introspect("web", revoked["access_token"]) == {"active": False}
    assert core.refresh(body["refresh_token"]).status_code == 200
    assert core.sign_in()["access_token"]

    eventually(lambda: issue(core) == 200 and core.stream(), "a new incarnation in the new stream")
    with core.redis() as store:
        assert store.get(epoch_key(0)) not in (None, epoch)
    with core.database() as connection:
        reasons = [row[0] for row in connection.execute("SELECT end_reason FROM producers WHERE ended_at IS NOT NULL")]
    assert "lost" in reasons


def test_without_redis_whatever_needs_it_is_503_and_the_rest_works(breakable_core: BreakableCore) -> None:
    core, running = breakable_core.core, breakable_core.redis
    body = core.sign_in()
    code = core.issue_code()
    running.process.kill()
    refused = core.exchange(code)
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable"), "cannot tell is never no"
    assert refused.headers["retry-after"] == "1"
    eventually(lambda: issue(core) == 200, "machines, through the outbox")
    refreshed = core.refresh(body["refresh_token"])
    assert refreshed.status_code == 200
    assert core.introspect("web", refreshed.json()["access_token"])["active"] is True
    assert core.post("/oauth2/revoke", "web", token=refreshed.json()["refresh_token"]).status_code == 200
    with core.http() as http:
        ready = http.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["status"] == "degraded"
        assert ready.json()["dependencies"]["redis"] != "ok"
    running.process.start()
    running.server.wait_until_ready(running.process)
    eventually(lambda: core.exchange(code).status_code == 200, "the code survived a kill")


def test_a_redis_that_lost_its_disk_is_used_again(breakable_core: BreakableCore) -> None:
    core, running = breakable_core.core, breakable_core.redis
    with Load(core, clients=3) as load:
        load.wait_for(20)
        running.process.kill()
        load.wait_for(20)
        recorded = len(load.jtis)
        for kept in running.server.data_dir.iterdir():
            if kept.name not in ("redis.conf", "nodes.conf"):
                shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
        running.process.start()
        running.server.wait_until_ready(running.process)
        eventually(core.stream, "a stream in the empty Redis", 30.0)
        load.wait_for(20)
    assert len(load.jtis) > recorded
    assert set(load.statuses) <= {200, 503}


def test_a_hint_makes_a_change_faster_and_its_loss_costs_at_most_a_second(breakable_core: BreakableCore) -> None:
    core = breakable_core.core
    breakable_core.redis.process.kill()  # no hint can come
    eventually(lambda: [issue(core) for _ in range(5)] == [200] * 5, "tokens through the outbox")
    with core.database() as connection, connection.transaction():
        connection.execute("UPDATE clients SET status = 'disabled' WHERE client_id = 'machine'")
        connection.execute("INSERT INTO authority_changes (kind, entity_id) VALUES ('client', 'machine')")
    eventually(lambda: issue(core) == 401, "the disabled client is out", 1.5)
    with core.database() as connection, connection.transaction():
        connection.execute("UPDATE clients SET status = 'active' WHERE client_id = 'machine'")
        connection.execute("INSERT INTO authority_changes (kind, entity_id) VALUES ('client', 'machine')")
