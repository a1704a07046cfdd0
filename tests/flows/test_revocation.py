"""RFC 7009: a client takes back its own tokens, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt
import pytest

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore

INACTIVE = {"active": False}


def revoke(core: TokenCore, token: str, client: str = "web", **form: str) -> int:
    return core.post("/oauth2/revoke", client, token=token, **form).status_code


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
def test_an_access_token_is_dead_at_once_whatever_the_hint(token_core: TokenCore, hint: str | None) -> None:
    body = token_core.sign_in()
    assert revoke(token_core, body["access_token"], **({"token_type_hint": hint} if hint else {})) == 200
    assert token_core.introspect("orders-api", body["access_token"]) == INACTIVE
    assert token_core.refresh(body["refresh_token"]).status_code == 200, "the refresh token lives on"
    jti = jwt.decode(body["access_token"], options={"verify_signature": False})["jti"]
    assert len([e for e in token_core.events("token.revoked") if e["payload"]["jti"] == jti]) == 1


def test_a_refresh_token_takes_its_family_and_its_access_tokens(token_core: TokenCore) -> None:
    body = token_core.sign_in()
    refreshed = token_core.refresh(body["refresh_token"]).json()
    assert revoke(token_core, refreshed["refresh_token"]) == 200
    assert token_core.refresh(refreshed["refresh_token"]).json()["error"] == "invalid_grant"
    for token in (body["access_token"], refreshed["access_token"]):
        assert token_core.introspect("orders-api", token) == INACTIVE


def test_revoking_twice_is_fine_and_one_event(token_core: TokenCore) -> None:
    body = token_core.sign_in()
    family = jwt.decode(body["access_token"], options={"verify_signature": False})["grant_id"]
    for _ in range(2):
        assert revoke(token_core, body["refresh_token"]) == 200
        assert revoke(token_core, body["access_token"]) == 200
    revoked = [e["payload"] for e in token_core.events("token.revoked")]
    assert len([payload for payload in revoked if payload["family_id"] == family]) == 1


@pytest.mark.parametrize("token", ["nonsense", "ap_rt_nonsense", "a.b.c", "é"])
def test_an_unknown_token_is_as_good_as_revoked(token_core: TokenCore, token: str) -> None:
    assert revoke(token_core, token) == 200


def test_another_clients_tokens_stay(token_core: TokenCore) -> None:
    body = token_core.sign_in()
    for token in (body["access_token"], body["refresh_token"]):
        assert revoke(token_core, token, "other-web") == 400
    assert token_core.introspect("web", body["access_token"])["active"] is True
    assert token_core.refresh(body["refresh_token"]).status_code == 200


def test_an_unauthenticated_client_revokes_nothing(token_core: TokenCore) -> None:
    token = token_core.sign_in()["refresh_token"]
    with token_core.http() as http:
        for form in ({"token": token}, {"token": token, "client_id": "web"}):
            assert http.post("/oauth2/revoke", data=form).status_code == 401
    assert token_core.refresh(token).status_code == 200


def test_a_missing_token_is_an_invalid_request(token_core: TokenCore) -> None:
    assert token_core.post("/oauth2/revoke", "web").json()["error"] == "invalid_request"
