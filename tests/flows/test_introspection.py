"""RFC 7662: who may ask, and what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt
import pytest

from tests.fixtures.token_core import BILLING, ORDERS

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore

INACTIVE = {"active": False}


def machine_token(core: TokenCore, scope: str = "orders.read") -> str:
    return core.token(grant_type="client_credentials", scope=scope).json()["access_token"]


def test_the_api_that_a_token_is_for_is_told_what_it_is(token_core: TokenCore) -> None:
    answer = token_core.introspect("orders-api", machine_token(token_core))
    assert answer["active"] is True
    assert answer["aud"] == ORDERS
    assert answer["scope"] == "orders.read"
    assert answer["client_id"] == "machine"
    assert answer["token_type"] == "Bearer"


def test_another_api_is_told_nothing(token_core: TokenCore) -> None:
    assert token_core.introspect("billing-api", machine_token(token_core)) == INACTIVE
    assert token_core.introspect("billing-api", machine_token(token_core, "billing.read"))["aud"] == BILLING


def test_a_client_may_ask_about_its_own_tokens_only(token_core: TokenCore) -> None:
    body = token_core.sign_in()
    for token in (body["access_token"], body["refresh_token"]):
        assert token_core.introspect("web", token)["active"] is True
        assert token_core.introspect("other-web", token) == INACTIVE
    assert token_core.introspect("orders-api", body["refresh_token"]) == INACTIVE


def test_an_api_sees_only_its_own_audience_of_a_token_with_two(token_core: TokenCore) -> None:
    body = token_core.sign_in()
    assert token_core.introspect("orders-api", body["access_token"])["aud"] == ORDERS


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "ap_rt_x", "é", "x" * 20_000])
def test_what_is_no_token_is_inactive(token_core: TokenCore, token: str) -> None:
    assert token_core.introspect("orders-api", token) == INACTIVE


def test_an_altered_token_is_inactive(token_core: TokenCore) -> None:
    head, body, signature = machine_token(token_core).split(".")
    for forged in (f"{head}.{body}.", f"{head}.{body}.{signature[:-8]}AAAAAAAA", f"{head}.{body[:-2]}AA.{signature}"):
        assert token_core.introspect("machine", forged) == INACTIVE


def test_a_token_of_algorithm_none_or_of_another_key_is_inactive(token_core: TokenCore) -> None:
    token = machine_token(token_core)
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    forged = [
        jwt.encode(claims, None, algorithm="none", headers={"typ": "at+jwt", "kid": kid}),
        jwt.encode(claims, "secret" * 8, algorithm="HS256", headers={"typ": "at+jwt", "kid": kid}),
    ]
    for one in forged:
        assert token_core.introspect("machine", one) == INACTIVE


def test_an_id_token_is_not_an_access_token(token_core: TokenCore) -> None:
    assert token_core.introspect("web", token_core.sign_in()["id_token"]) == INACTIVE


def test_nobody_asks_without_a_secret(token_core: TokenCore) -> None:
    with token_core.http() as http:
        for form in ({"token": "x"}, {"token": "x", "client_id": "spa"}, {"token": "x", "client_id": "machine"}):
            response = http.post("/oauth2/introspect", data=form)
            assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert http.get("/oauth2/introspect").status_code == 405


def test_a_missing_token_is_an_invalid_request(token_core: TokenCore) -> None:
    response = token_core.post("/oauth2/introspect", "orders-api")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("statement", [
    "UPDATE users SET status = 'disabled' WHERE id = %s",
    "UPDATE sign_in_sessions SET ended_at = now() WHERE user_id = %s",
    "UPDATE refresh_families SET revoked_at = now() WHERE user_id = %s",
])  # fmt: skip
def test_what_a_token_rests_on_ends_it_here_at_once(token_core: TokenCore, statement: str) -> None:
    user_id = token_core.create_user()
    token = token_core.sign_in(user_id)["access_token"]
    assert token_core.introspect("orders-api", token)["active"] is True
    with token_core.database() as connection:
        connection.execute(statement, (user_id,))
    assert token_core.introspect("orders-api", token) == INACTIVE


def test_a_spent_refresh_token_is_inactive_and_asking_revokes_nothing(token_core: TokenCore) -> None:
    first = token_core.sign_in()["refresh_token"]
    second = token_core.refresh(first).json()["refresh_token"]
    assert token_core.introspect("web", first) == INACTIVE
    assert token_core.introspect("web", second)["active"] is True
