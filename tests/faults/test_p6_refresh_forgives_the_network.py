"""P6: refresh that forgives the network, not the thief."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx
import jwt
import pytest

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore


def test_the_same_request_again_gets_the_same_answer(token_core: TokenCore) -> None:
    token = token_core.sign_in()["refresh_token"]
    answers = [token_core.refresh(token) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    jti = jwt.decode(answers[0].json()["access_token"], options={"verify_signature": False})["jti"]
    assert len([e for e in token_core.events("token.issued") if e["payload"]["jti"] == jti]) == 1


def test_once_the_successor_is_used_the_old_token_is_reuse_and_revokes_the_family(token_core: TokenCore) -> None:
    first = token_core.sign_in()["refresh_token"]
    second = token_core.refresh(first).json()["refresh_token"]
    third = token_core.refresh(second).json()
    assert token_core.refresh(first).json()["error"] == "invalid_grant"
    assert token_core.refresh(third["refresh_token"]).json()["error"] == "invalid_grant"
    assert token_core.introspect("web", third["access_token"]) == {"active": False}
    family = jwt.decode(third["access_token"], options={"verify_signature": False})["grant_id"]
    reused = [e for e in token_core.events("refresh_token.reused") if e["payload"]["family_id"] == family]
    assert len(reused) == 1
    assert reused[0]["payload"]["generation"] == 1


def test_other_parameters_are_reuse(token_core: TokenCore) -> None:
    first = token_core.sign_in()["refresh_token"]
    second = token_core.refresh(first).json()["refresh_token"]
    assert token_core.refresh(first, scope="orders.read").json()["error"] == "invalid_grant"
    assert token_core.refresh(second).json()["error"] == "invalid_grant"


def test_another_client_can_neither_replay_nor_revoke(token_core: TokenCore) -> None:
    first = token_core.sign_in()["refresh_token"]
    second = token_core.refresh(first).json()["refresh_token"]
    assert token_core.refresh(first, "other-web").json()["error"] == "invalid_grant"
    assert token_core.refresh(second).status_code == 200


def test_after_the_hard_cap_the_spent_token_is_reuse(token_core: TokenCore) -> None:
    user_id = token_core.create_user()
    first = token_core.sign_in(user_id)["refresh_token"]
    second = token_core.refresh(first).json()["refresh_token"]
    with token_core.database() as connection:
        connection.execute("UPDATE refresh_families SET replay_until = now() WHERE user_id = %s", (user_id,))
    assert token_core.refresh(first).json()["error"] == "invalid_grant"
    assert token_core.refresh(second).json()["error"] == "invalid_grant"


def test_the_kept_answer_can_not_be_read_without_the_spent_token(token_core: TokenCore) -> None:
    user_id = token_core.create_user()
    body = token_core.refresh(token_core.sign_in(user_id)["refresh_token"]).json()
    with token_core.database() as connection:
        row = connection.execute("SELECT * FROM refresh_families WHERE user_id = %s", (user_id,)).fetchone()
    kept = b"".join(bytes(value) for value in row if isinstance(value, bytes))
    for secret in (body["access_token"], body["refresh_token"], body["id_token"]):
        assert secret[10:40].encode() not in kept


def test_revoking_the_family_ends_the_replay(token_core: TokenCore) -> None:
    first = token_core.sign_in()["refresh_token"]
    second = token_core.refresh(first).json()["refresh_token"]
    assert token_core.post("/oauth2/revoke", "web", token=second).status_code == 200
    assert token_core.refresh(first).json()["error"] == "invalid_grant"


@pytest.mark.alone
async def test_of_a_thousand_concurrent_uses_one_rotates_and_all_get_its_answer(token_core: TokenCore) -> None:
    user_id = token_core.create_user()
    token = token_core.sign_in(user_id)["refresh_token"]
    answers = await _at_once(token_core, {"grant_type": "refresh_token", "refresh_token": token}, 1000)
    assert Counter(answer.status_code for answer in answers) == {200: 1000}
    assert len({answer.content for answer in answers}) == 1
    with token_core.database() as connection:
        row = connection.execute("SELECT generation, revoked_at FROM refresh_families WHERE user_id = %s", (user_id,))
        assert row.fetchone() == (2, None)
    assert token_core.refresh(answers[0].json()["refresh_token"]).status_code == 200


async def _at_once(core: TokenCore, form: dict[str, str], count: int) -> list[httpx.Response]:
    """Every connection open and every request written before the first answer is read."""
    host, port = core.url.removeprefix("http://").split(":")
    auth = httpx.BasicAuth("web", core.organisation.secrets["web"])
    request = next(auth.auth_flow(httpx.Request("POST", core.url)))
    body = urlencode(form)
    raw = (
        f"POST /oauth2/token HTTP/1.1\r\nhost: {host}\r\nauthorization: {request.headers['authorization']}\r\n"
        f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}"
    ).encode()
    connections = [await asyncio.open_connection(host, int(port)) for _ in range(count)]
    for _, writer in connections:
        writer.write(raw)
    texts = await asyncio.gather(*(reader.read() for reader, _ in connections))
    for _, writer in connections:
        writer.close()
    return [_parse(text) for text in texts]


def _parse(raw: bytes) -> httpx.Response:
    head, _, body = raw.partition(b"\r\n\r\n")
    return httpx.Response(int(head.split(b" ", 2)[1]), content=body)
