"""P1: no token without its record, whatever happens to Redis or Postgres meanwhile."""

from __future__ import annotations

import json
import os
import secrets
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import jwt
import pytest

from events import chain
from events.envelope import SealedEvent
from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    from tests.fixtures.token_core import BreakableCore, TokenCore

pytestmark = pytest.mark.alone
STOPPED = (0, -signal.SIGTERM)  # uvicorn ends itself by the signal that it obeyed


class Load:
    """Clients that ask for tokens all the time; what they got, and which requests they saw fail."""

    def __init__(self, core: TokenCore, clients: int = 6) -> None:
        self.core = core
        self.jtis: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.failed_requests: set[str] = set()
        self.mark = f"load-{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        auth, form = ("machine", self.core.organisation.secrets["machine"]), {"grant_type": "client_credentials"}
        with self.core.http(auth=auth) as http:
            count = 0
            while not self._stop.is_set():
                count += 1
                request_id = f"{self.mark}-{number}-{count:06d}"
                try:
                    response = http.post(
                        "/oauth2/token", data=form | {"scope": "orders.read"}, headers={"x-request-id": request_id}
                    )
                except httpx.HTTPError:
                    self.failed_requests.add(request_id)
                    continue
                self.statuses[response.status_code] += 1
                if response.status_code == 200:
                    claims = jwt.decode(response.json()["access_token"], options={"verify_signature": False})
                    self.jtis.append(claims["jti"])
                else:
                    self.failed_requests.add(request_id)
                    assert response.status_code == 503, response.text
                    assert response.headers["retry-after"] == "1"
                    assert response.json()["error"] == "temporarily_unavailable"

    def wait_for(self, more: int, status: int = 200) -> None:
        goal = self.statuses[status] + more
        eventually(lambda: self.statuses[status] >= goal, f"{more} more answers of {status}: {self.statuses}", 30.0)


def assert_each_token_has_one_event(load: Load) -> None:
    """And every event without a received token belongs to a request that was seen to fail."""
    events = [event for event in load.core.events("token.issued") if event["request_id"].startswith(load.mark)]
    recorded = Counter(event["payload"]["jti"] for event in events)
    missing = [jti for jti in load.jtis if recorded[jti] != 1]
    assert not missing, f"{len(missing)} of {len(load.jtis)} tokens without exactly one event"
    received = set(load.jtis)
    surplus = [event["request_id"] for event in events if event["payload"]["jti"] not in received]
    assert set(surplus) <= load.failed_requests


def assert_chains_hold(core: TokenCore) -> None:
    heads: dict[str, tuple[int, bytes]] = {}
    for entry in core.stream():
        for line in entry.lines:
            event = SealedEvent.from_line(line)
            number, previous = heads.get(event.producer, (0, chain.genesis(event.producer)))
            assert event.number == number + 1
            assert chain.seal(previous, event.producer, event.number, event.event).hash == event.hash
            heads[event.producer] = (event.number, bytes.fromhex(event.hash))
    with core.database() as connection:
        known = {
            row[0]: row[1:]
            for row in connection.execute("SELECT producer, ended_number, uncertain_number FROM producers")
        }
    for producer, (number, _) in heads.items():
        ended, uncertain = known[producer]
        assert ended is None or ended <= number <= max(ended, uncertain or 0)


def test_tokens_of_concurrent_requests_share_appends_and_all_are_recorded(breakable_core: BreakableCore) -> None:
    with Load(breakable_core.core, clients=12) as load:
        load.wait_for(400)
    assert set(load.statuses) == {200}
    assert_each_token_has_one_event(load)
    assert_chains_hold(breakable_core.core)
    assert max(len(entry.lines) for entry in breakable_core.core.stream()) > 1


def test_redis_killed_and_restarted_mid_flow_loses_no_record(breakable_core: BreakableCore) -> None:
    core, running = breakable_core.core, breakable_core.redis
    with Load(core) as load:
        for _ in range(2):
            load.wait_for(50)
            running.process.kill()
            load.wait_for(50)  # through the outbox
            running.process.start()
            running.server.wait_until_ready(running.process)
        load.wait_for(50)
        before = len(core.stream())
        eventually(lambda: len(core.stream()) > before, "the stream is used again", 30.0)
    assert_each_token_has_one_event(load)
    assert_chains_hold(core)
    assert core.events("token.issued")


def test_an_unanswered_append_is_repeated_in_its_place_and_its_clients_told_if_it_stays_unknown(
    breakable_core: BreakableCore,
) -> None:
    core, running = breakable_core.core, breakable_core.redis
    with Load(core) as load:
        load.wait_for(50)
        os.kill(running.process.pid, signal.SIGSTOP)  # it has the command, and says nothing
        load.wait_for(1, status=503)
        load.wait_for(50)  # those who came later went to the outbox
        os.kill(running.process.pid, signal.SIGCONT)
        load.wait_for(50)
        before = len(core.stream())
        eventually(lambda: len(core.stream()) > before, "the stream is used again", 30.0)
    assert_each_token_has_one_event(load)
    assert_chains_hold(core)
    with core.database() as connection:
        ended = connection.execute(
            "SELECT end_reason, uncertain_number FROM producers WHERE ended_at IS NOT NULL"
        ).fetchall()
    assert any(reason == "uncertain" and number is not None for reason, number in ended)


def test_while_neither_takes_it_the_answer_is_503_and_it_recovers_without_a_restart(
    breakable_core: BreakableCore,
) -> None:
    core = breakable_core.core
    with Load(core, clients=3) as load:
        load.wait_for(20)
        breakable_core.postgres.process.kill()
        load.wait_for(20)  # P5: the stream alone is enough for machines
        breakable_core.redis.process.kill()
        load.wait_for(5, status=503)
        breakable_core.postgres.process.start()
        breakable_core.postgres.server.wait_until_ready(breakable_core.postgres.process)
        load.wait_for(20)  # the outbox alone is enough too
        breakable_core.redis.process.start()
        breakable_core.redis.server.wait_until_ready(breakable_core.redis.process)
        load.wait_for(20)
        before = len(core.stream())
        eventually(lambda: len(core.stream()) > before, "the stream is used again", 30.0)
    assert_each_token_has_one_event(load)
    assert_chains_hold(core)


def test_sigterm_finishes_what_is_in_flight_and_ends_the_chain_cleanly(breakable_core: BreakableCore) -> None:
    core = breakable_core.core
    with Load(core) as load:
        load.wait_for(50)
        core.process.send_signal(signal.SIGTERM)
        assert core.process.wait(timeout=20) in STOPPED
    assert_each_token_has_one_event(load)
    assert not any(status >= 500 for status in load.statuses)
    last = json.loads(core.stream()[-1].lines[-1])
    assert last["type"] == "producer.ended"
    with core.database() as connection:
        row = connection.execute(
            "SELECT ended_number, uncertain_number, end_reason FROM producers WHERE producer = %s", (last["producer"],)
        )
        assert row.fetchone() == (last["number"], None, "shutdown")


def test_failures_over_the_quota_are_counted_durably(breakable_core: BreakableCore) -> None:
    core = breakable_core.core
    core.stop()
    before = len(core.events("token.denied"))
    usual = dict(core.environment)
    core.environment |= {"FAILURE_EVENTS_PER_SECOND": "0.001", "FAILURE_EVENTS_BURST": "5"}
    core.start()
    core.environment = usual
    for _ in range(40):
        assert core.token(auth=("nobody", "x"), grant_type="client_credentials").status_code == 401
    assert core.stop() in STOPPED
    denied = len(core.events("token.denied")) - before
    counted = [event["payload"] for event in core.events("failures.counted")]
    assert denied == 5
    assert sum(payload["count"] for payload in counted) == 35
    assert {payload["reason"] for payload in counted} == {"invalid_client:unknown_client"}


def test_postgres_back_after_a_restart_serves_people_without_a_restart_of_ours(breakable_core: BreakableCore) -> None:
    core = breakable_core.core
    token = core.sign_in()["refresh_token"]
    breakable_core.postgres.process.kill()
    refused = core.refresh(token)
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
    assert refused.headers["retry-after"] == "1"
    assert core.token(grant_type="client_credentials", scope="orders.read").status_code == 200
    with core.http() as http:
        assert http.get("/oauth2/jwks").status_code == 200
        assert http.get("/.well-known/openid-configuration").status_code == 200
        assert http.get("/health/live").status_code == 200
        ready = http.get("/health/ready").json()
        assert ready["dependencies"] | {"postgres": ""} == {"postgres": "", "redis": "ok", "keys": "ok"}
        assert ready["dependencies"]["postgres"] != "ok"
    breakable_core.postgres.process.start()
    breakable_core.postgres.server.wait_until_ready(breakable_core.postgres.process)
    eventually(lambda: core.refresh(token).status_code == 200, "refresh works again")
