"""What the token endpoint must not do (RFC 6749 2.3, 3.2, 5.2), whatever it is sent."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import httpx
import pytest

from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore

GRANT = "grant_type=client_credentials"
CANARY = "canary-7f3a<script>"


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def post(core: TokenCore, body: str | bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    with core.http() as http:
        form = {"content-type": "application/x-www-form-urlencoded"}
        return http.post("/oauth2/token", content=body, headers=form | (headers or {}))


def machine(core: TokenCore) -> dict[str, str]:
    return basic("machine", core.organisation.secrets["machine"])


def assert_refused(response: httpx.Response, error: str, status: int = 400) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error), response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["pragma"] == "no-cache"
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error", "error_description"}
    if status == 401:
        assert response.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "body",
    [
        "grant_type=client_credentials&scope=a%00b",
        "grant_type=client_credentials&scope=%ff%fe",
        "grant_type=client_credentials&scope=%zz",
        "grant_type=client_credentials&%00=1",
        "grant_type=client_credentials&scope=%ed%a0%80",
        b"grant_type=client_credentials&scope=\xff\x00",
        "grant_type=client_credentials&scope=a&scope=a",
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&other=1&other=2",
        "&".join(f"p{n}=1" for n in range(200)),
        "",
        "grant_type=",
        "scope=orders.read",
    ],
)
def test_malformed_parameters_are_an_invalid_request(token_core: TokenCore, body: str | bytes) -> None:
    assert_refused(post(token_core, body, machine(token_core)), "invalid_request")


def test_a_parameter_without_value_counts_as_omitted(token_core: TokenCore) -> None:
    assert post(token_core, f"{GRANT}&scope=&extra=", machine(token_core)).status_code in (200, 400)
    assert post(token_core, f"{GRANT}&scope=orders.read&unknown=ignored", machine(token_core)).status_code == 200


def test_an_unknown_grant_type_is_named_as_unsupported(token_core: TokenCore) -> None:
    for grant in ("password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"):
        assert_refused(
            post(token_core, f"grant_type={quote_plus(grant)}", machine(token_core)), "unsupported_grant_type"
        )


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_only_a_form_is_read(token_core: TokenCore, media_type: str) -> None:
    response = post(token_core, GRANT, machine(token_core) | {"content-type": media_type})
    assert_refused(response, "invalid_request")


def test_a_body_over_64_kilobytes_is_refused(token_core: TokenCore) -> None:
    assert_refused(post(token_core, b"a=" + b"b" * 70_000, machine(token_core)), "invalid_request", 413)


def test_other_methods_are_refused_with_those_allowed(token_core: TokenCore) -> None:
    with token_core.http() as http:
        for method in ("GET", "PUT", "DELETE", "HEAD"):
            response = http.request(method, "/oauth2/token")
            assert response.status_code == 405
            assert response.headers["allow"] == "POST"


def test_nothing_sent_is_reflected(token_core: TokenCore) -> None:
    with token_core.http() as http:
        for form in ({"grant_type": CANARY}, {"grant_type": "client_credentials", "scope": CANARY}, {CANARY: CANARY}):
            response = http.post("/oauth2/token", data=form, auth=(CANARY, CANARY), headers={"x-request-id": CANARY})
            assert CANARY not in response.text + str(response.headers)
            response = http.post("/oauth2/token", data=form, headers=machine(token_core))
            assert CANARY not in response.text + str(response.headers)


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b":secret").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"machine%zz:x").decode(),
        "Basic " + base64.b64encode(b"mach\x00ine:x").decode(),
        "Bearer abc",
        "Digest abc",
    ],
)
def test_an_authorization_header_that_can_not_be_read_is_an_invalid_client(
    token_core: TokenCore, authorization: str
) -> None:
    assert_refused(post(token_core, GRANT, {"authorization": authorization}), "invalid_client", 401)


def test_unknown_and_wrong_clients_can_not_be_told_apart(token_core: TokenCore) -> None:
    answers = [
        post(token_core, GRANT, basic("nobody", "x")),
        post(token_core, GRANT, basic("machine", "wrong")),
        post(token_core, GRANT, basic("machine", "")),
        post(token_core, f"{GRANT}&client_id=machine"),
        post(token_core, f"{GRANT}&client_id=machine&client_secret={token_core.organisation.secrets['machine']}"),
        post(token_core, f"{GRANT}&client_id=spa&client_secret=x"),
    ]
    for answer in answers:
        assert_refused(answer, "invalid_client", 401)
    assert len({answer.text for answer in answers}) == 1


def test_only_the_registered_method_authenticates(token_core: TokenCore) -> None:
    secret = token_core.organisation.secrets["poster"]
    assert_refused(post(token_core, GRANT, basic("poster", secret)), "invalid_client", 401)
    assert post(token_core, f"{GRANT}&client_id=poster&client_secret={secret}").status_code == 200


def test_two_authentication_methods_at_once_are_refused(token_core: TokenCore) -> None:
    secret = token_core.organisation.secrets["machine"]
    body = f"{GRANT}&client_id=machine&client_secret={secret}"
    assert_refused(post(token_core, body, machine(token_core)), "invalid_request")
    assert_refused(post(token_core, f"{GRANT}&client_id=web", machine(token_core)), "invalid_request")
    with token_core.http() as http:
        headers = [("authorization", machine(token_core)["authorization"])] * 2
        response = http.post("/oauth2/token", data={"grant_type": "client_credentials"}, headers=headers)
        assert_refused(response, "invalid_request")


def test_basic_credentials_are_form_decoded_first(token_core: TokenCore) -> None:
    from datetime import UTC, datetime

    from shared.database.steps import run
    from shared.identity.recording import Recording
    from shared.identity.registration import NewClient, creating_client, issuing_client_secret

    recording, client_id = Recording("test", datetime.now(UTC)), "id with:colon+plus%"
    with token_core.database() as connection:
        new = NewClient(client_id, "Odd", grant_types=("client_credentials",), allowed_scopes=("orders.read",))
        run(connection, creating_client(recording, new, ["clerk"]))
        secret = run(connection, issuing_client_secret(recording, client_id)).secret
    headers = basic(quote_plus(client_id), quote_plus(secret))
    eventually(lambda: post(token_core, GRANT, headers).status_code == 200, "the odd client")
    assert_refused(post(token_core, GRANT, basic(client_id, secret)), "invalid_client", 401)


def test_a_rotated_client_has_two_live_secrets_and_a_revoked_one_is_dead_within_a_second(token_core: TokenCore) -> None:
    from datetime import UTC, datetime

    from shared.database.steps import run
    from shared.identity.recording import Recording
    from shared.identity.registration import (
        NewClient,
        creating_client,
        issuing_client_secret,
        revoking_client_secret,
    )

    recording = Recording("test", datetime.now(UTC))
    with token_core.database() as connection:
        new = NewClient("rotated", "R", grant_types=("client_credentials",), allowed_scopes=("orders.read",))
        run(connection, creating_client(recording, new, ["clerk"]))
        first, second = (run(connection, issuing_client_secret(recording, "rotated")) for _ in range(2))
        for secret in (first, second):
            headers = basic("rotated", secret.secret)
            eventually(lambda headers=headers: post(token_core, GRANT, headers).status_code == 200, "a live secret")
        run(connection, revoking_client_secret(recording, "rotated", first.id))
    dead = basic("rotated", first.secret)
    eventually(lambda: all(post(token_core, GRANT, dead).status_code == 401 for _ in range(6)), "its end", 1.5)
    assert post(token_core, GRANT, basic("rotated", second.secret)).status_code == 200


def test_a_denial_is_an_event_that_names_no_unknown_client(token_core: TokenCore) -> None:
    response = post(token_core, GRANT, basic("my-password-in-the-wrong-field", "x"))
    request_id = response.headers["x-request-id"]
    events = [event for event in token_core.events("token.denied") if event["request_id"] == request_id]
    assert len(events) == 1
    assert events[0]["subject"] == "anonymous"
    assert events[0]["payload"]["reason"] == "invalid_client:unknown_client"
    assert len(events[0]["payload"]["client_hint"]) == 32
    assert "my-password" not in str(events)


def test_a_request_id_is_taken_if_it_is_harmless_and_made_otherwise(token_core: TokenCore) -> None:
    given = {"x-request-id": "my-request.42"}
    assert post(token_core, GRANT, machine(token_core) | given).headers["x-request-id"] == "my-request.42"
    for hostile in ("short", "x" * 65, "with space in it", "semi;colon-here"):
        made = post(token_core, GRANT, machine(token_core) | {"x-request-id": hostile}).headers["x-request-id"]
        assert made != hostile
        assert len(made) == 32


def test_no_secret_is_in_the_log(token_core: TokenCore) -> None:
    post(token_core, f"{GRANT}&client_id=poster&client_secret=ap_cs_canarycanarycanary")
    log = token_core.log_path.read_text()
    assert "canarycanary" not in log
    assert all(secret not in log for secret in token_core.organisation.secrets.values())
    assert "?" not in "".join(line for line in log.splitlines() if '"message": "request"' in line)
