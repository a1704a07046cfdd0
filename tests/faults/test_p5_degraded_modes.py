"""P5: what every endpoint does while Postgres, Redis, AWS (SQS, S3, SES, KMS) or ClickHouse hangs, or is killed.

`EXPECTED` is the table; ARCHITECTURE.md's "Degraded modes" is written from it (`python -m tests.faults.test_p5_degraded_modes`)
and a test compares them. A part hangs when its processes are stopped (SIGSTOP): its connections stay open and nothing answers.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from tests.fixtures.person import Person, first_form
from tests.fixtures.stack import LocalStack, eventually

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"
BEGIN, END = "<!-- degraded modes: generated -->", "<!-- end of degraded modes -->"

# name in stack.json -> what it is
PARTS = {
    "postgres": "Postgres",
    "redis": "Redis",
    "aws": "SQS, S3, SES, KMS, Secrets Manager",
    "clickhouse": "ClickHouse",
}
WORKS, REFUSES = "works", "503"

# endpoint -> what it does while each of PARTS hangs
EXPECTED: dict[str, tuple[str, str, str, str]] = {
    "token: authorization_code": (REFUSES, REFUSES, WORKS, WORKS),
    "token: client_credentials": (WORKS, WORKS, WORKS, WORKS),
    "token: refresh_token": (REFUSES, WORKS, WORKS, WORKS),
    "introspection": (REFUSES, WORKS, WORKS, WORKS),
    "userinfo": (REFUSES, WORKS, WORKS, WORKS),
    "revocation": (REFUSES, WORKS, WORKS, WORKS),
    "JWKS": (WORKS, WORKS, WORKS, WORKS),
    "discovery": (WORKS, WORKS, WORKS, WORKS),
    "authorize, signed in": (REFUSES, REFUSES, WORKS, WORKS),
    "sign-in page": (WORKS, WORKS, WORKS, WORKS),
    "signing in": (REFUSES, WORKS, WORKS, WORKS),
    "health: live": (WORKS, WORKS, WORKS, WORKS),
    "health: ready": (WORKS, WORKS, WORKS, WORKS),
}
LONGEST_ANSWER_SECONDS = 8.0  # of a request that meets a fresh hang; two cores are shared with the whole stack


def table() -> str:
    """EXPECTED as Markdown."""
    lines = [BEGIN, "| | " + " | ".join(PARTS.values()) + " |", "|---|" + "---|" * len(PARTS)]
    for endpoint, cells in EXPECTED.items():
        shown = [f"{cell} `[{part}-{endpoint}]`" for part, cell in zip(PARTS, cells, strict=True)]
        lines.append(f"| {endpoint} | " + " | ".join(shown) + " |")
    shown = [f"all of it, without a restart `[{part}]`" for part in PARTS]
    lines.append("| afterwards, hung | " + " | ".join(shown) + " |")
    lines.append("| afterwards, killed | " + " | ".join(shown) + " |")
    return "\n".join([*lines, END])


def jti_of(token: str) -> str:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]


def basic(client: dict[str, str]) -> tuple[str, str]:
    return client["client_id"], client["client_secret"]


@dataclass
class Visitors:
    """Everyone who was there before the part hung: a machine, a web application's tokens, a person with a session."""

    stack: LocalStack
    received: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        facts = self.stack.facts
        self.issuer, self.demo = facts["issuer"], facts["demo"]
        user, web = self.demo["user"], self.demo["web_client"]
        self.person = Person(self.stack.http(), self.issuer, user["email"], user["password"])
        self.tokens = self.take(self.person.tokens(web))
        self.to_revoke = self.take(self.person.tokens(web))
        self.stranger = self.stack.http()
        self.query = {
            "response_type": "code",
            "client_id": web["client_id"],
            "redirect_uri": web["redirect_uri"],
            "scope": "openid",
            "state": "state",
            "code_challenge": "x" * 43,
            "code_challenge_method": "S256",
        }
        page = self.stranger.get(f"{self.issuer}/oauth2/authorize", params=self.query, follow_redirects=True)
        self.form_action, self.form = first_form(page)
        for _ in range(40):  # both workers get to know the clients
            with self.stack.http() as http:
                for client in ("web_client", "api_client"):
                    self.introspect(http, client)
                self.client_credentials(http)
        self.code = self.person.authorize(web)  # last: it lives for a minute

    def take(self, body: dict[str, Any]) -> dict[str, Any]:
        self.received.append(jti_of(body["access_token"]))
        return body

    def client_credentials(self, http: httpx.Client) -> httpx.Response:
        machine = self.demo["machine_client"]
        form = {"grant_type": "client_credentials", "scope": machine["scope"]}
        return http.post(f"{self.issuer}/oauth2/token", data=form, auth=basic(machine))

    def introspect(self, http: httpx.Client, client: str = "web_client") -> httpx.Response:
        form = {"token": self.tokens["access_token"]}
        return http.post(f"{self.issuer}/oauth2/introspect", data=form, auth=basic(self.demo[client]))

    def ask(self, endpoint: str, http: httpx.Client) -> httpx.Response:
        issuer, web = self.issuer, self.demo["web_client"]
        ways: dict[str, Callable[[], httpx.Response]] = {
            "token: authorization_code": lambda: http.post(
                f"{issuer}/oauth2/token", data={"grant_type": "authorization_code", **self.code}, auth=basic(web)
            ),
            "token: client_credentials": lambda: self.client_credentials(http),
            "token: refresh_token": lambda: http.post(
                f"{issuer}/oauth2/token",
                data={"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]},
                auth=basic(web),
            ),
            "introspection": lambda: self.introspect(http),
            "userinfo": lambda: http.get(
                f"{issuer}/oauth2/userinfo", headers={"Authorization": f"Bearer {self.tokens['access_token']}"}
            ),
            "revocation": lambda: http.post(
                f"{issuer}/oauth2/revoke", data={"token": self.to_revoke["refresh_token"]}, auth=basic(web)
            ),
            "JWKS": lambda: http.get(f"{issuer}/oauth2/jwks"),
            "discovery": lambda: http.get(f"{issuer}/.well-known/openid-configuration"),
            "authorize, signed in": lambda: self.person.http.get(f"{issuer}/oauth2/authorize", params=self.query),
            "sign-in page": lambda: http.get(f"{issuer}/sign-in"),
            "signing in": lambda: self.stranger.post(
                self.form_action,
                data={**self.form, "email": self.person.email, "password": self.person.password},
                headers={"Origin": issuer},
            ),
            "health: live": lambda: http.get(f"{issuer}/health/live"),
            "health: ready": lambda: http.get(f"{issuer}/health/ready"),
        }
        answer = ways[endpoint]()
        if answer.status_code == 200 and endpoint.startswith("token:"):
            body = self.take(answer.json())
            if endpoint == "token: refresh_token":
                self.tokens = body
        return answer


@dataclass
class Hanging:
    """A part whose processes are stopped."""

    part: str
    visitors: Visitors
    processes: list[psutil.Process] = field(default_factory=list)

    def hang(self) -> None:
        parent = psutil.Process(self.visitors.stack.facts["processes"][self.part])
        self.processes = [parent, *parent.children(recursive=True)]
        for process in self.processes:
            process.suspend()

    def resume(self) -> None:
        for process in self.processes:
            if process.is_running():
                process.resume()
        self.processes = []


@pytest.fixture(scope="module", params=PARTS)
def hanging(stack: LocalStack, request: pytest.FixtureRequest) -> Iterator[Hanging]:
    one = Hanging(request.param, Visitors(stack))
    one.hang()
    try:
        yield one
    finally:
        one.resume()


def check_unavailable(answer: httpx.Response) -> None:
    """503, with when to come back; nobody loses a cookie over it."""
    assert answer.status_code == 503, (answer.status_code, answer.text[:500])
    assert int(answer.headers["retry-after"]) >= 1
    assert not [cookie for cookie in answer.headers.get_list("set-cookie") if "session" in cookie]
    if "json" in answer.headers["content-type"]:
        assert answer.json()["error"] == "temporarily_unavailable"


def check_works(endpoint: str, answer: httpx.Response) -> None:
    assert answer.status_code in {200, 303}, (answer.status_code, answer.text[:500])
    if endpoint == "introspection":
        assert answer.json()["active"] is True
    if endpoint == "authorize, signed in":
        assert "code=" in answer.headers["location"]
    if endpoint == "health: ready":
        assert answer.json()["dependencies"]["keys"] == "ok"


@pytest.mark.alone
@pytest.mark.parametrize("endpoint", EXPECTED)
def test_endpoint_while_a_part_hangs(hanging, endpoint):
    expected = EXPECTED[endpoint][list(PARTS).index(hanging.part)]
    with hanging.visitors.stack.http() as http:
        deadline = time.monotonic() + 20
        while True:
            begun = time.monotonic()
            answer = hanging.visitors.ask(endpoint, http)
            assert time.monotonic() - begun < LONGEST_ANSWER_SECONDS
            if expected == REFUSES:
                check_unavailable(answer)
                return
            # what was under way when it hung may have to be asked again
            if answer.status_code != 503 or time.monotonic() > deadline:
                check_works(endpoint, answer)
                return
            check_unavailable(answer)


@pytest.mark.alone
def test_all_works_again_after_a_hang_without_a_restart(hanging):
    visitors, pids = hanging.visitors, hanging.visitors.stack.facts["processes"]
    hanging.resume()
    hanging.visitors.code = None
    for endpoint in EXPECTED:
        if endpoint in {"token: authorization_code", "signing in"}:
            continue  # single-use, and used; a new sign-in follows

        def works(endpoint: str = endpoint) -> bool:
            with visitors.stack.http() as http:
                answer = visitors.ask(endpoint, http)
                if answer.status_code == 503:
                    check_unavailable(answer)
                    return False
                check_works(endpoint, answer)
                return True

        eventually(works, f"{endpoint} after {hanging.part} answers again", 30)
    user = visitors.demo["user"]
    with visitors.stack.http() as http:
        again = Person(http, visitors.issuer, user["email"], user["password"])
        visitors.take(again.tokens(visitors.demo["web_client"]))
    still = visitors.stack.facts["processes"]
    assert {name: still[name] for name in ("token_core", "audit_relay", hanging.part)} == {
        name: pids[name] for name in ("token_core", "audit_relay", hanging.part)
    }
    check_events_arrive(visitors)


@pytest.mark.alone
@pytest.mark.parametrize("part", PARTS)
def test_all_works_again_after_a_part_was_killed(stack, part):
    visitors = Visitors(stack)
    killed = stack.kill(part)
    waits = []
    endpoints = [one for one in EXPECTED if one not in {"token: authorization_code", "signing in"}]

    def ask_all() -> bool:
        good = True
        for endpoint in endpoints:
            with stack.http() as http:
                begun = time.monotonic()
                answer = visitors.ask(endpoint, http)
                waits.append(time.monotonic() - begun)
                if answer.status_code >= 500:
                    good = False
                    if endpoint != "health: ready":
                        check_unavailable(answer)
                else:
                    check_works(endpoint, answer)
        return good

    ask_all()
    eventually(lambda: stack.facts["processes"].get(part) not in (None, killed), f"{part} started again")
    eventually(ask_all, "all endpoints")
    assert max(waits) < LONGEST_ANSWER_SECONDS
    check_events_arrive(visitors)


def check_events_arrive(visitors: Visitors) -> None:
    """Every token that was received is in ClickHouse, once."""
    received = set(visitors.received)

    def arrived() -> bool:
        try:
            client = visitors.stack.clickhouse()
        except OperationalError:  # it may be starting
            return False
        found = client.query(
            "SELECT toString(jti) FROM events WHERE type = 'token.issued' AND toString(jti) IN {ids:Array(String)}",
            parameters={"ids": sorted(received)},
        ).result_rows
        assert len(found) == len(set(found))
        return {row[0] for row in found} == received

    eventually(arrived, "the events of all received tokens", 90)


def test_the_table_in_the_architecture_is_this_one():
    text = ARCHITECTURE.read_text()
    assert table() in text, "python -m tests.faults.test_p5_degraded_modes writes it"


if __name__ == "__main__":
    before, _, rest = ARCHITECTURE.read_text().partition(BEGIN)
    ARCHITECTURE.write_text(before + table() + rest.partition(END)[2])
