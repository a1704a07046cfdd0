from __future__ import annotations

import logging

import pytest

from functions.admin_api.request_id import RequestIds
from shared.logging import request_id


async def ask(headers: list[tuple[bytes, bytes]], fails: bool = False) -> tuple[str, str | None]:
    """The id in the answer, and what was in the log's context meanwhile."""
    inside: list[str | None] = []
    sent: list[dict] = []

    async def app(scope, receive, send) -> None:
        inside.extend([request_id.get(), scope["state"]["request_id"]])
        if fails:
            raise RuntimeError
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/users", "query_string": b"email=canary", "headers": headers}
    await RequestIds(app)(scope, None, send)
    assert inside[0] == inside[1]
    return dict(sent[0]["headers"])[b"x-request-id"].decode(), inside[0]


async def test_a_harmless_id_is_taken_and_answered() -> None:
    assert await ask([(b"x-request-id", b"abc-DEF_1.2")]) == ("abc-DEF_1.2", "abc-DEF_1.2")


@pytest.mark.parametrize(
    "headers",
    [
        [], [(b"x-request-id", b"")], [(b"x-request-id", b"short")], [(b"x-request-id", b"x" * 65)],
        [(b"x-request-id", b"with space")], [(b"x-request-id", b'"quoted-id"')], [(b"x-request-id", b"line\nbreak1")],
        [(b"x-request-id", b"\xff" * 10)], [(b"x-request-id", b"firstone1"), (b"x-request-id", b"secondone")],
    ],
)  # fmt: skip
async def test_any_other_is_replaced(headers) -> None:
    answered, inside = await ask(headers)
    assert answered == inside and answered.encode() not in [value for _, value in headers]


async def test_the_log_tells_the_path_and_never_the_query(caplog) -> None:
    with caplog.at_level(logging.INFO, "functions.admin_api.requests"):
        await ask([])
    (record,) = [each for each in caplog.records if each.name == "functions.admin_api.requests"]
    assert (record.method, record.path, record.status) == ("GET", "/users", 200)
    assert "canary" not in str(vars(record))


async def test_the_context_ends_with_the_request_also_where_it_fails() -> None:
    before = request_id.get()
    with pytest.raises(RuntimeError):
        await ask([], fails=True)
    assert request_id.get() == before


async def test_cookies_reach_nobody() -> None:
    """Nobody signs in by one here, and FastAPI would read them all the same."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/users",
        "headers": [(b"cookie", b'a="\\"'), (b"accept", b"*/*")],
    }

    async def app(inner, receive, send) -> None:
        assert inner["headers"] == [(b"accept", b"*/*")]

    await RequestIds(app)(scope, None, None)
