"""OpenID Connect Discovery 1.0, RFC 8414, RFC 7517; keys through their rotation (P7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt
import psycopg
import pytest

from tests.fixtures.token_core import eventually, kms_client

if TYPE_CHECKING:
    from tests.fixtures.token_core import BreakableCore, TokenCore

PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def test_both_documents_are_the_same_and_name_the_issuer(token_core: TokenCore) -> None:
    with token_core.http() as http:
        first, second = (http.get(path) for path in PATHS)
    assert first.json() == second.json()
    assert first.json()["issuer"] == token_core.url
    assert "max-age" in first.headers["cache-control"]
    assert first.headers["access-control-allow-origin"] == "*"


def test_every_advertised_endpoint_exists(token_core: TokenCore) -> None:
    with token_core.http() as http:
        document = http.get(PATHS[0]).json()
        for name, value in document.items():
            if name.endswith("_endpoint") or name == "jwks_uri":
                assert http.get(value).status_code != 404, name


def test_the_advertised_grants_and_methods_are_those_that_work(token_core: TokenCore) -> None:
    from token_core.grants.registry import GRANTS

    with token_core.http() as http:
        document = http.get(PATHS[0]).json()
    assert document["grant_types_supported"] == list(GRANTS)
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert "none" not in document["id_token_signing_alg_values_supported"]
    assert {"ES256", "RS256"} == set(document["id_token_signing_alg_values_supported"])
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]
    assert document["request_uri_parameter_supported"] is False


@pytest.mark.parametrize("path", [*PATHS, "/oauth2/jwks"])
def test_who_has_it_gets_304(token_core: TokenCore, path: str) -> None:
    with token_core.http() as http:
        first = http.get(path)
        again = http.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        head = http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(first.content))
        assert http.post(path).status_code == 405


def test_published_keys_are_public_and_the_announced_one_is_among_them(token_core: TokenCore) -> None:
    with token_core.http() as http:
        keys = http.get("/oauth2/jwks").json()["keys"]
    assert sorted(key["alg"] for key in keys) == ["ES256", "ES256", "RS256"]
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)
        assert key["use"] == "sig"


@pytest.mark.alone
def test_keys_rotate_unseen(breakable_core: BreakableCore, kms_environment: dict[str, str]) -> None:
    from shared.database.steps import run
    from shared.kms import DataKeys
    from shared.signing_keys import activating_signing_key, create_signing_key

    core = breakable_core.core

    def kids() -> set[str]:
        with core.http() as http:
            return {key["kid"] for key in http.get("/oauth2/jwks").json()["keys"] if key["alg"] == "ES256"}

    def issue() -> str:
        return core.token(grant_type="client_credentials", scope="orders.read").json()["access_token"]

    def kid_of(token: str) -> str:
        return jwt.get_unverified_header(token)["kid"]

    old_token, published = issue(), kids()
    (announced,) = published - {kid_of(old_token)}
    now = datetime.now(UTC)
    with psycopg.connect(core.dsn) as connection:
        run(connection, activating_signing_key(announced, now=now, publish_until=now + timedelta(minutes=10)))
        data_keys = DataKeys(kms_environment["KMS_DATA_KEY_ID"], kms_client(kms_environment))
        following = create_signing_key(connection, data_keys, "ES256", "announced", now=now)
    eventually(lambda: kid_of(issue()) == announced, "the new key signs")
    assert kids() == published | {following}
    assert core.introspect("machine", old_token)["active"] is True, (
        "what the retired key signed is good until it expires"
    )
    with psycopg.connect(core.dsn, autocommit=True) as connection:
        connection.execute("UPDATE signing_keys SET state = 'compromised' WHERE kid = %s", (kid_of(old_token),))
        connection.execute("INSERT INTO authority_changes (kind, entity_id) VALUES ('key', %s)", (kid_of(old_token),))
    eventually(lambda: kid_of(old_token) not in kids(), "a compromised key goes at once", 1.5)
    assert core.introspect("machine", old_token) == {"active": False}
