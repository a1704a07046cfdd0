"""What every answer has, whichever way it goes: a request id, the protocol's own errors, nothing of the inside."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import pytest

from shared.logging import request_id
from token_core.errors import InvalidClient, TemporarilyUnavailable
from token_core.hot import HotPaths, HotRequest, HotResponse, HotRoute
from token_core.protocol.form import MAX_BODY_BYTES

ORIGIN = "https://app.example"


class Authority:
    async def origins(self) -> frozenset[str]:
        return frozenset({ORIGIN})


class Server:
    """HotPaths with one hot route, and an app behind it that answers the rest."""

    def __init__(self, handler=None, *, methods=("POST",), cors=None, app=None) -> None:
        async def ok(request: HotRequest, _: object) -> HotResponse:
            return HotResponse(200, await request.body(), [])

        self.hot = HotPaths(app or self.behind, {"/hot": HotRoute(handler or ok, methods, cors)})
        self.hot.services = SimpleNamespace(authority=Authority())

    async def behind(self, scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": [(b"x-app", b"1")]})
        await send({"type": "http.response.body", "body": b"behind"})

    async def ask(self, path="/hot", method="POST", headers=(), messages=None):
        incoming = list(messages or [{"type": "http.request", "body": b"a=b"}])
        sent = []

        async def receive():
            return incoming.pop(0)

        async def send(message) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"q=canary", "headers": list(headers),
            "client": ("192.0.2.1", 1),
        }  # fmt: skip
        await self.hot(scope, receive, send)
        if not sent:
            return None
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return SimpleNamespace(status=sent[0]["status"], headers=dict(sent[0]["headers"]), body=body)


def failing(error: Exception):
    async def handler(request: HotRequest, services: object) -> HotResponse:
        raise error

    return handler


@pytest.mark.parametrize("path", ["/hot", "/elsewhere"])
async def test_a_harmless_request_id_is_answered_and_logged(path: str) -> None:
    answer = await Server().ask(path, headers=[(b"x-request-id", b"abc-DEF_1.2")])
    assert answer.headers[b"x-request-id"] == b"abc-DEF_1.2"


@pytest.mark.parametrize("path", ["/hot", "/elsewhere"])
@pytest.mark.parametrize(
    "given", [b"", b"short", b"x" * 65, b"a b c d e", b"line\r\nbreak", b"\xff" * 9, b'"quoted-id"']
)
async def test_any_other_request_id_is_replaced(path: str, given: bytes) -> None:
    answer = await Server().ask(path, headers=[(b"x-request-id", given)])
    assert answer.headers[b"x-request-id"] != given and len(answer.headers[b"x-request-id"]) == 32


async def test_the_request_id_stands_in_the_log_while_it_is_answered_and_not_after() -> None:
    seen = []

    async def handler(request: HotRequest, _: object) -> HotResponse:
        seen.append(request_id.get())
        return HotResponse(200, b"", [])

    before = request_id.get()
    await Server(handler).ask(headers=[(b"x-request-id", b"request-1")])
    assert (seen, request_id.get()) == (["request-1"], before)


async def test_other_paths_go_on_to_the_app() -> None:
    answer = await Server().ask("/elsewhere")
    assert (answer.status, answer.headers[b"x-app"], answer.body) == (418, b"1", b"behind")


async def test_another_method_is_405_and_names_those_that_are_allowed() -> None:
    answer = await Server().ask(method="DELETE")
    assert (answer.status, answer.headers[b"allow"]) == (405, b"POST")
    assert json.loads(answer.body)["error"]


async def test_a_head_has_the_headers_and_no_body() -> None:
    answer = await Server(methods=("GET", "HEAD")).ask(method="HEAD")
    assert (answer.body, answer.headers[b"content-length"]) == (b"", b"3")


async def test_an_error_is_in_the_protocols_form_and_never_cached() -> None:
    """RFC 6749 5.1, 5.2."""
    answer = await Server(failing(InvalidClient())).ask()
    assert answer.status == 401 and answer.headers[b"www-authenticate"].startswith(b"Basic ")
    assert (answer.headers[b"cache-control"], answer.headers[b"pragma"]) == (b"no-store", b"no-cache")
    assert answer.headers[b"content-type"].startswith(b"application/json")
    assert set(json.loads(answer.body)) == {"error", "error_description"}


async def test_what_may_pass_says_when_to_come_back() -> None:
    answer = await Server(failing(TemporarilyUnavailable(detail="canary"))).ask()
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1") and b"canary" not in answer.body


@pytest.mark.parametrize("path", ["/hot", "/elsewhere"])
async def test_an_exceptions_text_reaches_nobody(path: str) -> None:
    async def app(scope, receive, send) -> None:
        raise RuntimeError("canary")

    answer = await Server(failing(RuntimeError("canary")), app=app).ask(path)
    assert (answer.status, json.loads(answer.body)["error"]) == (500, "server_error")
    assert b"canary" not in answer.body and b"x-request-id" in answer.headers


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "http.request", "body": b"x" * (MAX_BODY_BYTES + 1)}],
        [
            {"type": "http.request", "body": b"x" * MAX_BODY_BYTES, "more_body": True},
            {"type": "http.request", "body": b"x"},
        ],
        [{"type": "http.request", "body": b"x" * 40_000, "more_body": True}] * 9,
    ],
    ids=["at once", "in two", "for ever"],
)
async def test_a_body_over_the_limit_is_413_before_it_is_read_to_its_end(messages) -> None:
    assert (await Server().ask(messages=messages)).status == 413


async def test_a_body_in_pieces_is_one_body() -> None:
    pieces = [{"type": "http.request", "body": bytes([one]), "more_body": one != b"c"[0]} for one in b"abc"]
    assert (await Server().ask(messages=pieces)).body == b"abc"


async def test_a_client_that_hung_up_is_answered_nothing() -> None:
    assert await Server().ask(messages=[{"type": "http.disconnect"}]) is None
    cut_off = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    assert await Server().ask(messages=cut_off) is None


async def test_a_header_that_stands_twice_is_refused_where_it_counts() -> None:
    async def handler(request: HotRequest, _: object) -> HotResponse:
        return HotResponse(200, request.header(b"authorization") or b"", [])

    twice = [(b"authorization", b"Basic a"), (b"authorization", b"Basic b")]
    assert (await Server(handler).ask(headers=twice)).status == 400
    assert (await Server(handler).ask(headers=twice[:1])).body == b"Basic a"


async def test_only_registered_origins_may_read_and_never_with_cookies() -> None:
    server = Server(cors="registered")
    known = await server.ask(headers=[(b"origin", ORIGIN.encode())])
    strange = await server.ask(headers=[(b"origin", b"https://evil.example")])
    assert known.headers[b"access-control-allow-origin"] == ORIGIN.encode()
    assert b"access-control-allow-origin" not in strange.headers
    for answer in (known, strange):
        assert answer.headers[b"vary"] == b"origin" and b"access-control-allow-credentials" not in answer.headers


async def test_an_errors_answer_can_be_read_by_its_own_origin_too() -> None:
    server = Server(failing(InvalidClient()), cors="registered")
    answer = await server.ask(headers=[(b"origin", ORIGIN.encode())])
    assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (401, ORIGIN.encode())


async def test_a_preflight_needs_no_handler() -> None:
    server = Server(failing(RuntimeError()), cors="registered")
    answer = await server.ask(method="OPTIONS", headers=[(b"origin", ORIGIN.encode())])
    assert answer.status == 204 and b"POST" in answer.headers[b"access-control-allow-methods"]


async def test_the_access_log_has_no_query(caplog) -> None:
    with caplog.at_level(logging.INFO):
        await Server().ask()
        await Server().ask("/elsewhere")
    assert "canary" not in " ".join(str(vars(record)) for record in caplog.records)


async def test_what_is_no_http_is_the_apps() -> None:
    seen = []

    async def app(scope, receive, send) -> None:
        seen.append(scope["type"])

    await HotPaths(app, {})({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]
