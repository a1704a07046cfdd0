"""RFC 6749 4.1.3, RFC 7636, OpenID Connect Core 3.1.3: codes become tokens once, and only where they belong."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import jwt
import pytest

from tests.fixtures.token_core import ORDERS, REDIRECT_URI, VERIFIER

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore


def decode(core: TokenCore, token: str, audience: str, algorithm: str = "ES256") -> dict:
    key = jwt.PyJWKClient(f"{core.url}/oauth2/jwks").get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=[algorithm], audience=audience, issuer=core.url)


@pytest.mark.parametrize(("client", "algorithm"), [("web", "ES256"), ("web-rs256", "RS256")])
def test_a_code_becomes_access_refresh_and_id_token(token_core: TokenCore, client: str, algorithm: str) -> None:
    user_id = token_core.create_user()
    body = token_core.sign_in(user_id, client)
    assert body["scope"] == "openid profile email offline_access orders.read orders.write"
    assert body["refresh_token"].startswith("ap_rt_")
    access = decode(token_core, body["access_token"], ORDERS)
    assert access["sub"] == str(user_id)
    assert access["aud"] == [ORDERS, token_core.url]
    assert access["permissions"] == ["orders:read", "orders:write"]
    assert access["amr"] == ["pwd"]
    identity = decode(token_core, body["id_token"], client, algorithm)
    digest = hashlib.sha256(body["access_token"].encode()).digest()[:16]
    assert identity["at_hash"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert identity["nonce"] == "n-0S6_WzA2Mj"
    assert identity["sid"] == access["sid"]
    assert identity["sub"] == str(user_id)
    assert identity["auth_time"] <= identity["iat"]
    events = [event for event in token_core.events("token.issued") if event["payload"]["jti"] == access["jti"]]
    assert len(events) == 1
    assert events[0]["session_id"] == access["sid"]


def test_scopes_that_the_person_no_longer_holds_are_left_out(token_core: TokenCore) -> None:
    body = token_core.sign_in(token_core.create_user(roles=()))
    assert body["scope"] == "openid profile email offline_access"
    assert decode(token_core, body["access_token"], token_core.url)["permissions"] == []


def test_no_refresh_token_without_offline_access(token_core: TokenCore) -> None:
    body = token_core.sign_in(scopes=("openid", "orders.read"))
    assert "refresh_token" not in body
    assert "id_token" not in token_core.sign_in(scopes=("orders.read",))


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": ""},
        {"code_verifier": VERIFIER[:-1] + "x"},
        {"code_verifier": "short"},
        {"redirect_uri": ""},
        {"redirect_uri": REDIRECT_URI + "/"},
        {"code": "ap_ac_" + "A" * 54},
        {"code": "ap_ac_" + "_" * 54},
        {"code": "nonsense"},
    ],
)
def test_a_request_that_does_not_fit_its_code_is_refused(token_core: TokenCore, changes: dict[str, str]) -> None:
    code = token_core.issue_code()
    response = token_core.exchange(code, **changes)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    if "code" not in changes:
        assert token_core.exchange(code).status_code == 200, "a refusal before the claim spends nothing"


def test_a_code_of_another_client_is_refused(token_core: TokenCore) -> None:
    code = token_core.issue_code(client="web")
    assert token_core.exchange(code, "other-web").json()["error"] == "invalid_grant"


def test_a_verifier_without_a_challenge_is_refused(token_core: TokenCore) -> None:
    code = token_core.issue_code(client="exempt", challenge=None)
    assert token_core.exchange(code, "exempt").json()["error"] == "invalid_grant"
    assert token_core.exchange(code, "exempt", code_verifier="").status_code == 200


def test_a_code_older_than_a_minute_is_refused(token_core: TokenCore) -> None:
    assert token_core.exchange(token_core.issue_code(age_seconds=61)).json()["error"] == "invalid_grant"


def test_a_missing_code_is_an_invalid_request(token_core: TokenCore) -> None:
    assert token_core.token("web", grant_type="authorization_code").json()["error"] == "invalid_request"


@pytest.mark.parametrize("statement", [
    "UPDATE users SET status = 'disabled' WHERE id = %s",
    "UPDATE sign_in_sessions SET ended_at = now() WHERE user_id = %s",
])  # fmt: skip
def test_no_code_outlives_its_user_or_session(token_core: TokenCore, statement: str) -> None:
    user_id = token_core.create_user()
    code = token_core.issue_code(user_id)
    with token_core.database() as connection:
        connection.execute(statement, (user_id,))
    assert token_core.exchange(code).json()["error"] == "invalid_grant"
    with token_core.database() as connection:
        assert connection.execute(
            "SELECT count(*) FROM refresh_families WHERE user_id = %s", (user_id,)
        ).fetchone() == (0,)


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_code_that_comes_twice_takes_back_what_it_gave(token_core: TokenCore, is_forgotten: bool) -> None:
    code = token_core.issue_code()
    body = token_core.exchange(code).json()
    if is_forgotten:  # Redis lost it: Postgres still knows
        with token_core.redis() as store:
            [store.delete(key) for key in store.keys("code:*")]
    again = token_core.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert token_core.introspect("web", body["access_token"]) == {"active": False}
    assert token_core.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"
    jti = decode(token_core, body["access_token"], ORDERS)["jti"]
    family = next(e for e in token_core.events("token.issued") if e["payload"]["jti"] == jti)["payload"]["family_id"]
    reused = [e for e in token_core.events("authorization_code.reused") if e["payload"]["family_id"] == family]
    assert len(reused) == 1


def test_of_a_thousand_uses_of_one_code_exactly_one_succeeds(token_core: TokenCore) -> None:
    code = token_core.issue_code()
    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda _: token_core.exchange(code).status_code, range(1000)))
    assert statuses.count(200) == 1
    assert statuses.count(400) == 999
