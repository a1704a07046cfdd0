"""Signing everybody out by not-before, as the token core's own endpoints honour it; and an API that asks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from resource_server import IntrospectingVerifier, InvalidTokenError, KeysUnavailableError
from shared.clock import utc_now
from shared.database.steps import run
from shared.identity.recording import Recording
from shared.identity.signing_out import signing_client_out, signing_everybody_out, signing_user_out
from tests.fixtures.token_core import ORDERS, eventually

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore


def do(core: TokenCore, step: Any, *arguments: Any) -> None:
    with core.database() as connection, connection.transaction():
        run(connection, step(Recording("admin", utc_now()), *arguments))


def is_active(core: TokenCore, token: str, client: str = "web") -> bool:
    return bool(core.introspect(client, token)["active"])


def machine_token(core: TokenCore) -> str:
    return str(core.token(grant_type="client_credentials", scope="orders.read").json()["access_token"])


def test_signing_everybody_out_ends_all_that_was_issued_and_nothing_that_is_issued_after(token_core: TokenCore) -> None:
    user_id = token_core.create_user()
    before, machine = token_core.sign_in(user_id), machine_token(token_core)
    code_of_before = token_core.issue_code(user_id)
    do(token_core, signing_everybody_out)
    assert not is_active(token_core, before["access_token"])
    assert not is_active(token_core, before["refresh_token"])
    assert token_core.introspect("orders-api", machine) == {"active": False}
    assert token_core.refresh(before["refresh_token"]).json()["error"] == "invalid_grant"
    assert token_core.exchange(code_of_before).json()["error"] == "invalid_grant"
    with token_core.http(headers={"authorization": f"Bearer {before['access_token']}"}) as http:
        assert http.get("/oauth2/userinfo").status_code == 401
    after = eventually(lambda: _signed_in(token_core, user_id), "a sign-in after the not-before")
    assert is_active(token_core, after["access_token"])
    assert token_core.refresh(after["refresh_token"]).status_code == 200
    assert token_core.introspect("orders-api", machine_token(token_core))["active"] is True


def test_signing_a_person_out_leaves_others_alone(token_core: TokenCore) -> None:
    user_id = token_core.create_user()
    theirs, other = token_core.sign_in(user_id), token_core.sign_in()
    do(token_core, signing_user_out, user_id)
    assert not is_active(token_core, theirs["access_token"])
    assert token_core.refresh(theirs["refresh_token"]).json()["error"] == "invalid_grant"
    assert is_active(token_core, other["access_token"])
    assert token_core.refresh(other["refresh_token"]).status_code == 200


def test_signing_a_client_out_leaves_others_alone(token_core: TokenCore) -> None:
    body, machine = token_core.sign_in(), machine_token(token_core)
    do(token_core, signing_client_out, "web")
    assert not is_active(token_core, body["access_token"])
    assert token_core.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"
    assert token_core.introspect("orders-api", machine)["active"] is True


async def test_an_api_that_asks_learns_of_a_revocation_at_once(token_core: TokenCore) -> None:
    endpoint = f"{token_core.url}/oauth2/introspect"
    issuer = token_core.environment["ISSUER"]
    secret = token_core.organisation.secrets["orders-api"]
    verifier = IntrospectingVerifier(issuer, ORDERS, endpoint, "orders-api", secret)
    token = machine_token(token_core)
    assert (await verifier.verify(token)).client_id == "machine"
    token_core.post("/oauth2/revoke", "machine", token=token)
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)
    with pytest.raises(KeysUnavailableError):
        await IntrospectingVerifier(issuer, ORDERS, endpoint, "orders-api", "wrong").verify(token)


def _signed_in(core: TokenCore, user_id: Any) -> dict[str, Any] | None:
    body: dict[str, Any] = core.exchange(core.issue_code(user_id)).json()
    return body if "access_token" in body else None
