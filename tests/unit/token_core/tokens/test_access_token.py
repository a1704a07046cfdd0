"""RFC 9068 2.2."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.ids import new_id
from token_core.tokens.access_token import AccessTokenContent, Authentication, authentication_claims

CONTENT = AccessTokenContent(
    issuer="https://id.example.com", subject="client:machine", audience=("https://api.example",), client_id="machine",
    jti=new_id(), issued_at=1_000, expires_at=1_300, scopes=("a", "b"), roles=("clerk",), permissions=("a:b",),
)  # fmt: skip
SIGNED_IN = Authentication(new_id(), 900, ("pwd",), "urn:acr:1")


def test_every_required_claim_is_there() -> None:
    claims = CONTENT.claims()
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= set(claims)
    assert (claims["scope"], claims["jti"]) == ("a b", str(CONTENT.jti))


@pytest.mark.parametrize(("audience", "aud"), [(("a",), "a"), (("a", "b"), ["a", "b"])])
def test_one_audience_is_a_text_and_several_are_a_list(audience, aud) -> None:
    """RFC 7519 4.1.3."""
    assert replace(CONTENT, audience=audience).claims()["aud"] == aud


def test_a_machines_token_says_nothing_of_a_sign_in() -> None:
    assert not {"auth_time", "amr", "acr", "sid", "grant_id"} & set(CONTENT.claims())


def test_a_persons_token_says_how_and_when_they_signed_in() -> None:
    """RFC 9068 2.2.1."""
    claims = replace(CONTENT, authentication=SIGNED_IN).claims()
    assert (claims["auth_time"], claims["amr"], claims["acr"]) == (900, ["pwd"], "urn:acr:1")
    assert claims["sid"] == str(SIGNED_IN.session_id)


def test_what_is_not_known_of_a_sign_in_is_left_out() -> None:
    assert set(authentication_claims(Authentication(None, 900, (), None))) == {"auth_time", "amr"}


def test_a_token_of_a_refresh_family_names_it() -> None:
    family = new_id()
    assert replace(CONTENT, grant_id=family).claims()["grant_id"] == str(family)


def test_no_personal_data_is_in_it() -> None:
    claims = replace(CONTENT, authentication=SIGNED_IN).claims()
    assert not {"email", "name", "preferred_username", "given_name", "family_name"} & set(claims)
