"""RFC 6749 4.4 at the running token core."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import httpx
import jwt
import pytest

from tests.fixtures.token_core import BILLING, ORDERS

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore


def claims_of(token: str) -> dict:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def ask(core: TokenCore, client: str = "machine", **form: str) -> httpx.Response:
    return core.token(client, grant_type="client_credentials", **form)


def test_a_machine_gets_an_access_token_that_any_jose_library_verifies(token_core: TokenCore) -> None:
    response = ask(token_core, scope="orders.read")
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 300
    assert body["scope"] == "orders.read"
    assert "refresh_token" not in body
    assert "id_token" not in body
    assert response.headers["cache-control"] == "no-store"
    key = jwt.PyJWKClient(f"{token_core.url}/oauth2/jwks").get_signing_key_from_jwt(body["access_token"])
    claims = jwt.decode(body["access_token"], key, algorithms=["ES256"], audience=ORDERS, issuer=token_core.url)
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    assert claims["sub"] == "client:machine"
    assert claims["client_id"] == "machine"
    assert claims["permissions"] == ["orders:read"]
    assert claims["roles"] == ["accountant", "clerk"]
    assert claims["exp"] - claims["iat"] == 300


def test_every_token_has_its_durable_event(token_core: TokenCore) -> None:
    response = ask(token_core, scope="orders.read")
    jti = claims_of(response.json()["access_token"])["jti"]
    found = [event for event in token_core.events("token.issued") if event["payload"]["jti"] == jti]
    assert len(found) == 1
    assert found[0]["subject"] == "client:machine"
    assert found[0]["request_id"] == response.headers["x-request-id"]
    assert found[0]["payload"]["audience"] == [ORDERS]


def test_a_scope_whose_permissions_the_client_does_not_hold_is_refused(token_core: TokenCore) -> None:
    response = ask(token_core, scope="orders.delete")
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_scope"
    assert ask(token_core, "roleless", scope="orders.read").json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "scope", ["nonsense", "openid", "offline_access orders.read", 'a"b', "orders.read  orders.write"]
)
def test_a_scope_that_is_not_for_machines_is_refused(token_core: TokenCore, scope: str) -> None:
    response = ask(token_core, scope=scope)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")


def test_scopes_of_two_apis_do_not_fit_one_token(token_core: TokenCore) -> None:
    response = ask(token_core, scope="orders.read billing.read")
    assert response.json()["error"] == "invalid_scope"
    assert "several APIs" in response.json()["error_description"]
    assert claims_of(ask(token_core, scope="billing.read").json()["access_token"])["aud"] == BILLING


def test_without_scope_a_client_gets_what_it_may_have(token_core: TokenCore) -> None:
    with token_core.http() as http:
        secret = token_core.organisation.secrets["poster"]
        form = {"grant_type": "client_credentials", "client_id": "poster", "client_secret": secret}
        response = http.post("/oauth2/token", data=form)
    assert response.json()["scope"] == "orders.read"


def test_a_grant_that_is_not_registered_is_refused(token_core: TokenCore) -> None:
    response = ask(token_core, "web", scope="orders.read")
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")


def test_a_role_change_reaches_every_worker_within_a_second(token_core: TokenCore) -> None:
    from datetime import UTC, datetime

    from shared.database.steps import run
    from shared.identity.recording import Recording
    from shared.identity.registration import NewClient, assigning_client_roles, creating_client, issuing_client_secret
    from tests.fixtures.token_core import eventually

    recording = Recording("test", datetime.now(UTC))
    with token_core.database() as connection:
        client = NewClient("late", "Late", grant_types=("client_credentials",), allowed_scopes=("orders.read",))
        run(connection, creating_client(recording, client))
        token_core.organisation.secrets["late"] = run(connection, issuing_client_secret(recording, "late")).secret
        eventually(lambda: ask(token_core, "late").json()["error"] == "invalid_scope", "the new client")
        run(connection, assigning_client_roles(recording, "late", ["clerk"]))  # and no hint
    eventually(lambda: all(ask(token_core, "late").status_code == 200 for _ in range(6)), "the role", 1.0 + 0.5)
