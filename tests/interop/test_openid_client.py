"""P12: npm openid-client, unmodified, over TLS, with every check on, plays each flow as its user's program would."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from events.envelope import PLATFORM
from shared.clock import utc_now
from shared.database.steps import run
from shared.identity.recording import Recording
from shared.identity.registration import NewClient, creating_client, issuing_client_secret
from tests.fixtures.person import Person

pytestmark = pytest.mark.alone

SCOPE = "openid profile email offline_access"


@pytest.fixture
def discover(stack, openid_client):
    """Configures openid-client for a client of ours; gives what it read of the discovery document."""

    def configure(client: dict[str, str], method: str = "basic", algorithm: str = "ES256") -> dict[str, Any]:
        return openid_client.call(
            "discover",
            issuer=stack.facts["issuer"],
            client_id=client["client_id"],
            client_secret=client.get("client_secret"),
            method=method,
            algorithm=algorithm,
        )

    return configure


@pytest.fixture
def person(stack):
    with stack.http() as http:
        user = stack.facts["demo"]["user"]
        yield Person(http, stack.facts["issuer"], user["email"], user["password"])


@pytest.fixture
def sign_in(openid_client, person):
    """The person signs in for the configured client. Gives the address that leads back to it, the code not yet redeemed."""

    def go(client: dict[str, str], scope: str = SCOPE) -> str:
        asked = openid_client.call("authorize", redirect_uri=client["redirect_uri"], scope=scope)
        return person.follow(asked["url"], client["redirect_uri"])

    return go


def register(stack, **registration: Any) -> dict[str, str]:
    """A confidential client of its own, as an administrator would register it."""
    web = stack.facts["demo"]["web_client"]
    new = NewClient(
        f"interop-{uuid.uuid4().hex[:12]}",
        "Interop",
        redirect_uris=(web["redirect_uri"],),
        grant_types=("authorization_code", "refresh_token"),
        allowed_scopes=tuple(SCOPE.split()),
        **registration,
    )
    with psycopg.connect(stack.facts["postgres"]["dsn"]) as connection:
        recording = Recording(actor=PLATFORM, now=utc_now())
        run(connection, creating_client(recording, new))
        issued = run(connection, issuing_client_secret(recording, new.client_id))
    return {"client_id": new.client_id, "client_secret": issued.secret, "redirect_uri": web["redirect_uri"]}


def test_discovery_says_what_the_flows_need(stack, discover):
    found = discover(stack.facts["demo"]["web_client"])
    assert found["issuer"] == stack.facts["issuer"]
    assert {"authorization_code", "refresh_token", "client_credentials"} <= set(found["grant_types_supported"])
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert all(value.startswith("https://") for name, value in found.items() if name.endswith("_endpoint"))


def test_code_flow_as_a_confidential_client_with_basic(stack, openid_client, discover, sign_in):
    web, user = stack.facts["demo"]["web_client"], stack.facts["demo"]["user"]
    discover(web)
    tokens = openid_client.call("callback", url=sign_in(web))
    assert (tokens["claims"]["sub"], tokens["claims"]["aud"]) == (user["subject"], web["client_id"])
    assert tokens["token_type"].lower() == "bearer"
    assert 0 < tokens["expires_in_seconds"] <= 300
    assert set(tokens["scope"].split()) == set(SCOPE.split())


def test_code_flow_as_a_confidential_client_with_post(stack, openid_client, discover, sign_in):
    client = register(stack, token_endpoint_auth_method="client_secret_post")
    discover(client, method="post")
    tokens = openid_client.call("callback", url=sign_in(client))
    assert tokens["claims"]["sub"] == stack.facts["demo"]["user"]["subject"]

    discover(client, method="basic")
    refused = openid_client.attempt("refresh", refresh_token=tokens["refresh_token"])
    assert (refused["error"], refused["status"]) == ("invalid_client", 401)


def test_code_flow_and_refresh_as_a_public_client(stack, openid_client, discover, sign_in):
    public = stack.facts["demo"]["public_client"]
    discover(public, method="none")
    tokens = openid_client.call("callback", url=sign_in(public))
    refreshed = openid_client.call("refresh", refresh_token=tokens["refresh_token"])
    assert refreshed["refresh_token"] != tokens["refresh_token"]


def test_code_flow_of_a_native_app_on_any_loopback_port(stack, openid_client, discover, sign_in):
    """RFC 8252 7.3: the port is chosen when the app starts."""
    native = {**stack.facts["demo"]["public_client"], "redirect_uri": "http://127.0.0.1:49152/callback"}
    discover(native, method="none")
    assert openid_client.call("callback", url=sign_in(native))["claims"]["aud"] == native["client_id"]


def test_id_token_is_rs256_where_a_client_registers_it(stack, openid_client, discover, sign_in):
    client = register(stack, id_token_signed_response_alg="RS256")
    discover(client, algorithm="RS256")
    assert openid_client.call("callback", url=sign_in(client))["claims"]["aud"] == client["client_id"]

    discover(client, algorithm="ES256")
    assert "ok" not in openid_client.attempt("callback", url=sign_in(client)), "the library checks the algorithm"


def test_refresh_rotates_and_a_spent_token_revokes_the_family(stack, openid_client, discover, sign_in):
    web = stack.facts["demo"]["web_client"]
    discover(web)
    first = openid_client.call("callback", url=sign_in(web))["refresh_token"]
    second = openid_client.call("refresh", refresh_token=first)["refresh_token"]
    third = openid_client.call("refresh", refresh_token=second)["refresh_token"]
    assert len({first, second, third}) == 3

    reused = openid_client.attempt("refresh", refresh_token=first)
    assert (reused["error"], reused["status"]) == ("invalid_grant", 400)
    assert openid_client.attempt("refresh", refresh_token=third)["error"] == "invalid_grant"


def test_refresh_keeps_the_person_and_narrows_the_scope_never_widens_it(stack, openid_client, discover, sign_in):
    web = stack.facts["demo"]["web_client"]
    discover(web)
    tokens = openid_client.call("callback", url=sign_in(web, "openid offline_access"))
    refreshed = openid_client.call("refresh", refresh_token=tokens["refresh_token"])
    assert refreshed["claims"]["sub"] == tokens["claims"]["sub"]
    assert set(refreshed["scope"].split()) == {"openid", "offline_access"}


def test_parallel_refreshes_get_the_same_answer(stack, openid_client, discover, sign_in):
    web = stack.facts["demo"]["web_client"]
    discover(web)
    tokens = openid_client.call("callback", url=sign_in(web))
    answers = openid_client.call("refresh_in_parallel", refresh_token=tokens["refresh_token"], times=2)
    assert len({(one["access_token"], one["refresh_token"], one["id_token"]) for one in answers}) == 1


def test_client_credentials(stack, openid_client, discover):
    machine = stack.facts["demo"]["machine_client"]
    discover(machine)
    tokens = openid_client.call("client_credentials", scope=machine["scope"])
    assert tokens["scope"] == machine["scope"]
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens

    refused = openid_client.attempt("client_credentials", scope="orders:write")
    assert (refused["error"], refused["status"]) == ("invalid_scope", 400)


def test_userinfo_tells_of_the_signed_in_person_what_the_scope_allows(stack, openid_client, discover, sign_in):
    web, user = stack.facts["demo"]["web_client"], stack.facts["demo"]["user"]
    discover(web)
    tokens = openid_client.call("callback", url=sign_in(web))
    told = openid_client.call("userinfo", access_token=tokens["access_token"], subject=user["subject"])
    assert (told["email"], told["email_verified"], told["name"]) == (user["email"], True, "Dana Demo")

    tokens = openid_client.call("callback", url=sign_in(web, "openid"))
    told = openid_client.call("userinfo", access_token=tokens["access_token"], subject=user["subject"])
    assert told == {"sub": user["subject"]}


def test_introspection_answers_the_api_and_the_owner_and_nobody_else(stack, openid_client, discover):
    demo = stack.facts["demo"]
    discover(demo["machine_client"])
    token = openid_client.call("client_credentials", scope=demo["machine_client"]["scope"])["access_token"]
    assert openid_client.call("introspect", token=token)["active"] is True

    discover(demo["api_client"])
    told = openid_client.call("introspect", token=token)
    assert (told["active"], told["aud"]) == (True, demo["api_client"]["audience"])
    assert (told["client_id"], told["scope"]) == (demo["machine_client"]["client_id"], demo["machine_client"]["scope"])

    discover(demo["web_client"])
    assert openid_client.call("introspect", token=token) == {"active": False}

    discover(demo["public_client"], method="none")
    refused = openid_client.attempt("introspect", token=token)
    assert (refused["error"], refused["status"]) == ("invalid_client", 401)


def test_revocation_ends_the_family_and_its_access_tokens(stack, openid_client, discover, sign_in):
    web, user = stack.facts["demo"]["web_client"], stack.facts["demo"]["user"]
    discover(web)
    tokens = openid_client.call("callback", url=sign_in(web))
    openid_client.call("revoke", token=tokens["refresh_token"])

    assert openid_client.attempt("refresh", refresh_token=tokens["refresh_token"])["error"] == "invalid_grant"
    assert openid_client.call("introspect", token=tokens["access_token"]) == {"active": False}
    refused = openid_client.attempt("userinfo", access_token=tokens["access_token"], subject=user["subject"])
    assert refused["status"] == 401


def test_a_client_revokes_only_its_own_tokens(stack, openid_client, discover, sign_in):
    demo = stack.facts["demo"]
    discover(demo["web_client"])
    tokens = openid_client.call("callback", url=sign_in(demo["web_client"]))

    discover(demo["public_client"], method="none")
    openid_client.attempt("revoke", token=tokens["refresh_token"])

    discover(demo["web_client"])
    assert openid_client.call("refresh", refresh_token=tokens["refresh_token"])["refresh_token"]


def test_end_session_signs_out_and_returns_to_the_application(stack, openid_client, discover, sign_in, person):
    web = stack.facts["demo"]["web_client"]
    discover(web)
    tokens = openid_client.call("callback", url=sign_in(web))
    after = stack.facts["start_page"] + "/"
    asked = openid_client.call(
        "end_session", id_token_hint=tokens["id_token"], post_logout_redirect_uri=after, state="left"
    )
    answer = person.http.get(asked["url"])
    assert answer.is_redirect
    assert answer.headers["location"] == f"{after}?state=left"

    silent = openid_client.call("authorize", redirect_uri=web["redirect_uri"], scope="openid", prompt="none")
    back = person.follow(silent["url"], web["redirect_uri"])
    assert parse_qs(urlsplit(back).query)["error"] == ["login_required"]
    refused = openid_client.attempt("callback", url=back)
    assert refused["error"] == "login_required"


def test_a_wrong_secret_is_invalid_client(stack, openid_client, discover):
    machine = stack.facts["demo"]["machine_client"]
    discover({**machine, "client_secret": machine["client_secret"][:-1] + "~"})
    refused = openid_client.attempt("client_credentials", scope=machine["scope"])
    assert (refused["error"], refused["status"]) == ("invalid_client", 401)


def test_a_wrong_verifier_is_invalid_grant(stack, openid_client, discover, sign_in):
    web = stack.facts["demo"]["web_client"]
    discover(web)
    refused = openid_client.attempt("callback", url=sign_in(web), code_verifier="x" * 43)
    assert (refused["error"], refused["status"]) == ("invalid_grant", 400)


def test_a_reused_code_is_invalid_grant_and_revokes_what_it_gave(stack, openid_client, discover, sign_in):
    web = stack.facts["demo"]["web_client"]
    discover(web)
    back = sign_in(web)
    tokens = openid_client.call("callback", url=back)
    refused = openid_client.attempt("callback", url=back)
    assert (refused["error"], refused["status"]) == ("invalid_grant", 400)
    assert openid_client.attempt("refresh", refresh_token=tokens["refresh_token"])["error"] == "invalid_grant"
    assert openid_client.call("introspect", token=tokens["access_token"]) == {"active": False}


def test_a_grant_that_is_not_registered_is_unauthorized_client(stack, openid_client, discover):
    web = stack.facts["demo"]["web_client"]
    discover(web)
    refused = openid_client.attempt("client_credentials", scope="orders:read")
    assert (refused["error"], refused["status"]) == ("unauthorized_client", 400)
