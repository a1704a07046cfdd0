"""RFC 6749 6 and RFC 9700 4.14.2 at the running token core; P6's races are in tests/faults/test_p6_*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt
import pytest

from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore


def test_each_refresh_gives_a_new_refresh_token_of_the_same_family(token_core: TokenCore) -> None:
    token, seen = token_core.sign_in()["refresh_token"], set()
    for _ in range(4):
        response = token_core.refresh(token)
        assert response.status_code == 200, response.text
        token = response.json()["refresh_token"]
        assert token not in seen
        seen.add(token)
    family = jwt.decode(response.json()["access_token"], options={"verify_signature": False})["grant_id"]
    issued = [e["payload"] for e in token_core.events("token.issued") if e["payload"]["family_id"] == family]
    assert sorted(payload["generation"] for payload in issued) == [1, 2, 3, 4, 5]


def test_a_refreshed_id_token_keeps_the_sign_in_and_has_no_nonce(token_core: TokenCore) -> None:
    first = token_core.sign_in()
    second = token_core.refresh(first["refresh_token"]).json()
    before, after = (jwt.decode(body["id_token"], options={"verify_signature": False}) for body in (first, second))
    for claim in ("iss", "sub", "aud", "auth_time", "sid", "amr"):
        assert before[claim] == after[claim]
    assert "nonce" not in after


def test_a_narrower_scope_can_be_had_and_a_wider_one_not(token_core: TokenCore) -> None:
    token = token_core.sign_in(scopes=("openid", "offline_access", "orders.read"))["refresh_token"]
    refused = token_core.refresh(token, scope="orders.read orders.write")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    narrowed = token_core.refresh(token, scope="orders.read").json()
    assert narrowed["scope"] == "orders.read"
    assert "id_token" not in narrowed
    assert token_core.refresh(narrowed["refresh_token"]).json()["scope"] == "openid offline_access orders.read"


@pytest.mark.parametrize("text", ["nonsense", "ap_rt_", "ap_rt_" + "A" * 92, "ap_rt_" + "_" * 92, "ap_rt_" + "é" * 92])
def test_what_was_never_a_refresh_token_is_refused_without_effect(token_core: TokenCore, text: str) -> None:
    response = token_core.refresh(text)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_an_altered_token_is_refused_and_its_family_lives(token_core: TokenCore) -> None:
    token = token_core.sign_in()["refresh_token"]
    altered = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
    assert token_core.refresh(altered).json()["error"] == "invalid_grant"
    assert token_core.refresh(token).status_code == 200


def test_another_clients_token_is_refused_and_its_family_lives(token_core: TokenCore) -> None:
    token = token_core.sign_in()["refresh_token"]
    assert token_core.refresh(token, "other-web").json()["error"] == "invalid_grant"
    assert token_core.refresh(token).status_code == 200


def test_a_missing_token_is_an_invalid_request(token_core: TokenCore) -> None:
    assert token_core.token("web", grant_type="refresh_token").json()["error"] == "invalid_request"


@pytest.mark.parametrize("column", ["idle_expires_at", "expires_at"])
def test_an_expired_family_gives_nothing(token_core: TokenCore, column: str) -> None:
    user_id = token_core.create_user()
    token = token_core.sign_in(user_id)["refresh_token"]
    with token_core.database() as connection:
        connection.execute(f"UPDATE refresh_families SET {column} = now() WHERE user_id = %s", (user_id,))
    assert token_core.refresh(token).json()["error"] == "invalid_grant"


def test_a_disabled_user_gets_nothing_within_a_second(token_core: TokenCore) -> None:
    from shared.database.authority import note_change

    user_id = token_core.create_user()
    token = token_core.sign_in(user_id)["refresh_token"]
    with token_core.database() as connection, connection.transaction():
        connection.execute("UPDATE users SET status = 'disabled' WHERE id = %s", (user_id,))
        note_change(connection, "user", str(user_id))  # and no hint
    before = token_core.sign_in()

    def is_out() -> bool:
        nonlocal token
        response = token_core.refresh(token)
        token = response.json().get("refresh_token", token)
        return response.json().get("error") == "invalid_grant"

    eventually(is_out, "the disabled user's end", 1.5)
    assert token_core.refresh(before["refresh_token"]).status_code == 200


def test_a_role_that_was_taken_away_narrows_the_next_token(token_core: TokenCore) -> None:
    from shared.database.authority import note_change

    user_id = token_core.create_user()
    token = token_core.sign_in(user_id)["refresh_token"]
    with token_core.database() as connection, connection.transaction():
        connection.execute("DELETE FROM role_bindings WHERE user_id = %s", (user_id,))
        note_change(connection, "user", str(user_id))

    def scope() -> str:
        nonlocal token
        body = token_core.refresh(token).json()
        token = body["refresh_token"]
        return body["scope"]

    eventually(lambda: scope() == "openid profile email offline_access", "the narrower scope", 1.5)


def test_a_public_client_refreshes_without_a_secret(token_core: TokenCore) -> None:
    code = token_core.issue_code(client="spa")
    from tests.fixtures.token_core import REDIRECT_URI, VERIFIER

    with token_core.http() as http:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        body = http.post("/oauth2/token", data=form | {"code_verifier": VERIFIER, "client_id": "spa"}).json()
        form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"], "client_id": "spa"}
        assert http.post("/oauth2/token", data=form).status_code == 200
