"""P8: a flood of sign-ins fills the hashing queue, and nothing else: tokens are issued, known devices get in."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Self

import httpx
import psutil
import pytest

from tests.fixtures.hosted_pages import PASSWORD, running_hosted
from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.engines import RunningPostgres, RunningRedis
    from tests.fixtures.hosted_pages import App, Hosted

FLOOD = 24


@pytest.fixture(scope="module")
def slow(
    postgres_server: RunningPostgres,
    migrated_template: str,
    redis_server: RunningRedis,
    kms_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hosted]:
    """One hash takes long here, and few may wait."""
    settings = {
        "ARGON2_MEMORY_KIB": "65536", "ARGON2_PASSES": "8", "HASHING_QUEUE_SIZE": "6", "HASHING_WAIT_SECONDS": "30",
        "DATABASE_POOL_SIZE": "8",
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("slow")
    with running_hosted(
        postgres_server, migrated_template, redis_server.url, kms_environment, folder, **settings
    ) as running:
        yield running


class Flood:
    """Strangers who sign in all the time, each at an account of their own invention."""

    def __init__(self, hosted: Hosted) -> None:
        self.statuses: Counter[int] = Counter()
        self.retry_after: set[str | None] = set()
        self._hosted, self._over = hosted, threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=(number,)) for number in range(FLOOD)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        eventually(lambda: self.statuses[503] >= 3, "the queue is full")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, number: int) -> None:
        browser, turn = self._hosted.browser(), 0
        fields = browser.page("/sign-in").fields()
        while not self._over.is_set():
            turn += 1
            form = fields | {"email": f"stranger-{number}-{turn}@example.com", "password": PASSWORD}
            answer = browser.http.post("/sign-in", data=form)
            self.statuses[answer.status_code] += 1
            if answer.status_code == 503:
                self.retry_after.add(answer.headers.get("retry-after"))


@pytest.mark.alone
def test_p8_tokens_are_issued_and_known_devices_get_in_while_sign_ins_flood(slow: Hosted) -> None:
    person, owner = slow.person(), slow.browser()
    assert owner.sign_in(person).status_code == 200
    owner.http.cookies.delete("session", domain="localhost.local")
    scope, role = slow.api()
    machine = slow.app((role,), grant_types=("client_credentials",), allowed_scopes=(scope,))
    with Flood(slow) as flood:
        hashed_before = flood.statuses[401]
        assert [_token(slow, machine) for _ in range(50)] == [200] * 50
        hashed_meanwhile = flood.statuses[401] - hashed_before
        assert hashed_meanwhile < 50, "fifty tokens don't wait for fifty hashes"
        assert "You are signed in" in owner.sign_in(person).text, "at the first try"
    assert set(flood.statuses) <= {401, 503, 429}
    assert flood.retry_after == {"5"}


def _token(hosted: Hosted, app: App) -> int:
    form = {"grant_type": "client_credentials"}
    assert app.secret is not None
    with httpx.Client(base_url=hosted.issuer, trust_env=False, timeout=30) as http:
        return http.post("/oauth2/token", data=form, auth=(app.client_id, app.secret)).status_code


@pytest.mark.alone
def test_p8_hashing_runs_in_processes_that_stand_back_and_are_replaced(slow: Hosted) -> None:
    def hashers() -> list[psutil.Process]:
        server = psutil.Process(slow.process.pid)
        children = [child for child in server.children(recursive=True) if child.is_running()]
        return [child for child in children if "token_core.sessions.hashing_worker" in child.cmdline()]

    (first,) = hashers()
    assert first.nice() >= 10
    first.kill()
    eventually(lambda: [one.pid for one in hashers()] not in ([], [first.pid]), "another hashing process")
    assert slow.browser().sign_in(slow.person()).status_code == 200
