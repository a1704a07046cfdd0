"""Errors are problem+json (RFC 9457) and repeat nothing of the inside."""

from __future__ import annotations

from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from functions.admin_api import problems
from functions.admin_api.problems import invalid_field, not_found, unavailable
from resource_server.challenge import cannot_tell, insufficient_permission, invalid_token, no_token

FAILURES = {
    "missing": not_found("user"),
    "field": invalid_field("email", "not an address"),
    "down": OperationalError("SELECT canary", {}, Exception("canary")),
    "broken": InterfaceError("SELECT canary", {}, Exception("canary")),
    "pool": PoolTimeoutError("canary"),
    "queue": unavailable(),
    "surprise": RuntimeError("canary"),
    "no-token": no_token("admin"),
    "bad-token": invalid_token("admin"),
    "no-permission": insufficient_permission("admin", "users:read"),
    "no-keys": cannot_tell(),
}


class Body(BaseModel):
    name: str


def build() -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.get("/fail/{name}")
    async def fail(name: str) -> None:
        raise FAILURES[name]

    @app.post("/check")
    async def check(limit: Annotated[int, Query(le=10)], body: Body) -> None: ...

    return app


@pytest.fixture
async def client():
    transport = httpx.ASGITransport(build(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin.example") as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("missing", 404, "not_found"), ("field", 400, "invalid_request"), ("down", 503, "temporarily_unavailable"),
        ("broken", 503, "temporarily_unavailable"), ("pool", 503, "temporarily_unavailable"),
        ("queue", 503, "temporarily_unavailable"), ("surprise", 500, "internal_error"), ("no-token", 401, "unauthorized"),
        ("bad-token", 401, "invalid_token"), ("no-permission", 403, "insufficient_scope"),
        ("no-keys", 503, "temporarily_unavailable"),
    ],
)  # fmt: skip
async def test_each_failure_is_a_problem_of_its_kind(client, name: str, status: int, code: str) -> None:
    answer = await client.get(f"/fail/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)
    assert answer.json()["type"].endswith(code)
    assert "canary" not in answer.text and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["down", "pool", "queue", "no-keys"])
async def test_what_may_pass_says_when_to_come_back(client, name: str) -> None:
    assert (await client.get(f"/fail/{name}")).headers["retry-after"] == "1"


async def test_a_challenge_is_answered_with_the_problem(client) -> None:
    assert (await client.get("/fail/no-token")).headers["www-authenticate"] == 'Bearer realm="admin"'
    assert 'error="invalid_token"' in (await client.get("/fail/bad-token")).headers["www-authenticate"]


async def test_every_wrong_field_is_named_and_no_value_repeated(client) -> None:
    answer = await client.post("/check?limit=canary", json={"name": 4711})
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {"limit", "name"}
    assert "canary" not in answer.text and "4711" not in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/none", 404), ("DELETE", "/check", 405)])
async def test_an_unknown_path_and_a_wrong_method_are_problems_too(client, method, path, status) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
