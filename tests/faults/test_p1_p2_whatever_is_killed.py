"""P1 and P2 on the whole stack: kill -9 of every part under load, then count.

Every token that anyone received is in Parquet once and in ClickHouse once; every surplus event is named by a request that
the client saw fail; no refresh family is lost.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections import Counter

import httpx
import pytest

from tests.fixtures.person import Person
from tests.fixtures.stack import eventually

pytestmark = [pytest.mark.alone, pytest.mark.timeout(420)]

VICTIMS = (
    "token_core",
    "audit_relay",
    "fan_out_audit.1",
    "load_clickhouse.1",
    "redis",
    "fan_out_audit.2",
    "postgres",
    "load_clickhouse.2",
    "clickhouse",
    "aws",
    "provision_user.1",
    "send_email.1",
)
RETRY_FOR_SECONDS = 60


def jti_of(token: str) -> str:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]


class Load:
    """Client loops that note what they received and which of their requests failed."""

    def __init__(self, stack) -> None:
        self.stack = stack
        self.issuer = stack.facts["issuer"]
        self.received: list[str] = []
        self.failed: set[str] = set()
        self.wrong: list[str] = []
        self.over = threading.Event()

    def ask(self, http: httpx.Client, **request) -> httpx.Response | None:
        """One request with an id of its own; None when it failed without the client's fault."""
        request_id = f"load-{uuid.uuid4().hex}"
        try:
            answer = http.post(f"{self.issuer}/oauth2/token", headers={"X-Request-ID": request_id}, **request)
        except httpx.HTTPError:
            self.failed.add(request_id)
            return None
        if answer.status_code == 503:
            assert "retry-after" in answer.headers
        if answer.status_code >= 500:
            self.failed.add(request_id)
            if answer.status_code != 503:
                self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
            return None
        return answer

    def client_credentials(self) -> None:
        client = self.stack.facts["demo"]["machine_client"]
        with self.stack.http() as http:
            while not self.over.is_set():
                answer = self.ask(
                    http,
                    data={"grant_type": "client_credentials", "scope": client["scope"]},
                    auth=(client["client_id"], client["client_secret"]),
                )
                if answer is None:
                    time.sleep(0.05)
                elif answer.status_code == 200:
                    self.received.append(jti_of(answer.json()["access_token"]))
                else:
                    self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
                time.sleep(0.005)

    def refresh(self, refresh_token: str) -> None:
        client = self.stack.facts["demo"]["web_client"]
        with self.stack.http() as http:
            failing_since = None
            while not self.over.is_set() or failing_since:
                answer = self.ask(
                    http,
                    data={"grant_type": "refresh_token", "refresh_token": refresh_token},
                    auth=(client["client_id"], client["client_secret"]),
                )
                if answer is None:
                    failing_since = failing_since or time.monotonic()
                    if time.monotonic() - failing_since > RETRY_FOR_SECONDS:
                        self.wrong.append("refresh did not come back")
                        return
                    time.sleep(0.05)
                    continue
                failing_since = None
                if answer.status_code != 200:
                    self.wrong.append(f"refresh: {answer.status_code} {answer.text[:200]}")
                    return
                body = answer.json()
                self.received.append(jti_of(body["access_token"]))
                refresh_token = body["refresh_token"]
                time.sleep(0.02)


def test_every_received_token_is_recorded_once_whatever_is_killed(stack):
    facts = stack.facts
    load = Load(stack)
    user = facts["demo"]["user"]
    families = []
    for _ in range(2):
        with stack.http() as http:
            person = Person(http, facts["issuer"], user["email"], user["password"])
            first = person.tokens(facts["demo"]["web_client"])
            load.received.append(jti_of(first["access_token"]))
            families.append(first["refresh_token"])
    threads = [threading.Thread(target=load.client_credentials) for _ in range(4)]
    threads += [threading.Thread(target=load.refresh, args=(token,)) for token in families]
    for thread in threads:
        thread.start()

    try:
        for name in VICTIMS:
            before = len(load.received)
            eventually(lambda n=before: len(load.received) > n + 20, f"tokens before {name} is killed")
            killed = stack.kill(name)
            eventually(
                lambda name=name, killed=killed: stack.facts["processes"].get(name) not in (None, killed),
                f"{name} started again",
            )
            before = len(load.received)
            eventually(lambda n=before: len(load.received) > n + 20, f"tokens after {name} was killed")
    finally:
        load.over.set()
        for thread in threads:
            thread.join(RETRY_FOR_SECONDS + 30)

    assert not load.wrong, load.wrong[:10]
    received = Counter(load.received)
    client = stack.clickhouse()

    def clickhouse_jtis() -> Counter[str]:
        return Counter(
            row[0] for row in client.query("SELECT toString(jti) FROM events WHERE type = 'token.issued'").result_rows
        )

    missing = set(received)

    def all_arrived() -> bool:
        missing.difference_update(clickhouse_jtis())
        return not missing

    eventually(all_arrived, "every received token in ClickHouse", 120)

    rows = stack.lake_rows("type = 'token.issued'")
    in_lake, in_clickhouse = Counter(str(row["jti"]) for row in rows), clickhouse_jtis()
    assert {jti: in_lake[jti] for jti in received if in_lake[jti] != 1} == {}
    assert {jti: in_clickhouse[jti] for jti in received if in_clickhouse[jti] != 1} == {}
    event_ids = Counter(str(row["event_id"]) for row in stack.lake_rows("true"))
    assert {e: n for e, n in event_ids.items() if n != 1} == {}

    surplus = {
        row["request_id"] for row in rows if str(row["jti"]) not in received and row["request_id"].startswith("load-")
    }
    assert surplus <= load.failed, f"events without a token and without a failed request: {surplus - load.failed}"
