"""OpenID Connect Core 5.3 and RFC 6750."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.database.authority import note_change
from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    import httpx

    from tests.fixtures.token_core import TokenCore

PATH = "/oauth2/userinfo"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def ask(core: TokenCore, token: str) -> httpx.Response:
    with core.http() as http:
        return http.get(PATH, headers=bearer(token))


def test_claims_follow_the_scopes(token_core: TokenCore) -> None:
    user_id = token_core.create_user()
    everything = ask(token_core, token_core.sign_in(user_id)["access_token"]).json()
    assert everything == {
        "sub": str(user_id), "name": "Ada Example", "email": f"{user_id}@example.com", "email_verified": True,
    }  # fmt: skip
    assert ask(token_core, token_core.sign_in(user_id, scopes=("openid",))["access_token"]).json() == {
        "sub": str(user_id)
    }
    with_email = ask(token_core, token_core.sign_in(user_id, scopes=("openid", "email"))["access_token"])
    assert set(with_email.json()) == {"sub", "email", "email_verified"}
    assert with_email.headers["cache-control"] == "no-store"


def test_it_answers_get_and_post_with_the_token_in_header_or_form(token_core: TokenCore) -> None:
    token = token_core.sign_in()["access_token"]
    with token_core.http() as http:
        answers = [
            http.get(PATH, headers=bearer(token)),
            http.post(PATH, headers=bearer(token)),
            http.post(PATH, data={"access_token": token}),
        ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


def test_without_a_token_the_challenge_has_no_error(token_core: TokenCore) -> None:
    with token_core.http() as http:
        for headers in ({}, {"authorization": "Basic abc"}):
            response = http.get(PATH, headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == 'Bearer realm="userinfo"'


def test_a_token_in_the_query_is_not_read(token_core: TokenCore) -> None:
    token = token_core.sign_in()["access_token"]
    with token_core.http() as http:
        assert http.get(PATH, params={"access_token": token}).status_code == 401


def test_two_tokens_are_an_invalid_request(token_core: TokenCore) -> None:
    token = token_core.sign_in()["access_token"]
    with token_core.http() as http:
        response = http.post(PATH, data={"access_token": token}, headers=bearer(token))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", 'x"y', "ap_rt_x"])
def test_a_bad_token_is_told_so(token_core: TokenCore, token: str) -> None:
    response = ask(token_core, token)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_a_token_without_openid_has_insufficient_scope(token_core: TokenCore) -> None:
    machine = token_core.token(grant_type="client_credentials", scope="orders.read").json()["access_token"]
    for token in (machine, token_core.sign_in(scopes=("orders.read",))["access_token"]):
        response = ask(token_core, token)
        assert response.status_code == 403
        assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


def test_an_id_or_refresh_token_is_no_access_token(token_core: TokenCore) -> None:
    body = token_core.sign_in()
    assert ask(token_core, body["id_token"]).status_code == 401
    assert ask(token_core, body["refresh_token"]).status_code == 401


@pytest.mark.parametrize("statement", [
    "UPDATE users SET status = 'disabled' WHERE id = %s",
    "UPDATE sign_in_sessions SET ended_at = now() WHERE user_id = %s",
    "UPDATE refresh_families SET revoked_at = now() WHERE user_id = %s",
])  # fmt: skip
def test_nothing_is_told_of_what_has_ended(token_core: TokenCore, statement: str) -> None:
    user_id = token_core.create_user()
    token = token_core.sign_in(user_id)["access_token"]
    with token_core.database() as connection:
        connection.execute(statement, (user_id,))
    assert ask(token_core, token).status_code == 401


def test_a_revoked_access_token_opens_nothing(token_core: TokenCore) -> None:
    token = token_core.sign_in()["access_token"]
    token_core.post("/oauth2/revoke", "web", token=token)
    assert ask(token_core, token).status_code == 401


def test_a_disabled_clients_tokens_open_nothing(token_core: TokenCore) -> None:
    token = token_core.sign_in(client="web-rs256")["access_token"]
    try:
        set_status(token_core, "web-rs256", "disabled")
        eventually(lambda: ask(token_core, token).status_code == 401, "the token core has heard of it")
    finally:
        set_status(token_core, "web-rs256", "active")
    eventually(lambda: ask(token_core, token).status_code == 200, "the token core has heard of it")


def set_status(token_core: TokenCore, client_id: str, status: str) -> None:
    with token_core.database() as connection, connection.transaction():
        connection.execute("UPDATE clients SET status = %s WHERE client_id = %s", (status, client_id))
        note_change(connection, "client", client_id)
