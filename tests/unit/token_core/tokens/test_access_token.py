"""RFC 9068 2.2."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id
from token_core.tokens.access_token import AccessTokenContent, Authentication, authentication_claims

CONTENT = AccessTokenContent(
    issuer="https://id.example.com", subject="client:machine", audience=("https://api.example",), client_id="machine",
    jti=str(new_id()), issued_at=1_000, expires_at=1_300, scopes=("a", "b"), roles=("clerk",), permissions=("a:b",),
)  # fmt: skip
SIGNED_IN = Authentication(new_id(), 900, ("pwd",), "urn:acr:1")


def test_every_required_claim_is_there() -> None:
    claims = CONTENT.claims()
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= set(claims)
    assert (claims["scope"], claims["jti"]) == ("a b", str(CONTENT.jti))


@pytest.mark.parametrize(("audience", "aud"), [(("a",), "a"), (("a", "b"), ["a", "b"])])
def test_one_audience_is_a_text_and_several_are_a_list(audience, aud) -> None:
    """RFC 7519 4.1.3."""
    assert CONTENT._replace(audience=audience).claims()["aud"] == aud


def test_a_machines_token_says_nothing_of_a_sign_in() -> None:
    assert not {"auth_time", "amr", "acr", "sid", "grant_id"} & set(CONTENT.claims())


def test_a_persons_token_says_how_and_when_they_signed_in() -> None:
    """RFC 9068 2.2.1."""
    claims = CONTENT._replace(authentication=SIGNED_IN).claims()
    assert (claims["auth_time"], claims["amr"], claims["acr"]) == (900, ["pwd"], "urn:acr:1")
    assert claims["sid"] == str(SIGNED_IN.session_id)


def test_what_is_not_known_of_a_sign_in_is_left_out() -> None:
    assert set(authentication_claims(Authentication(None, 900, (), None))) == {"auth_time", "amr"}


def test_a_token_of_a_refresh_family_names_it() -> None:
    family = new_id()
    assert CONTENT._replace(grant_id=family).claims()["grant_id"] == str(family)


def test_no_personal_data_is_in_it() -> None:
    claims = CONTENT._replace(authentication=SIGNED_IN).claims()
    assert not {"email", "name", "preferred_username", "given_name", "family_name"} & set(claims)


@given(
    content=st.builds(
        AccessTokenContent,
        issuer=st.text(), subject=st.text(), audience=st.lists(st.text(), min_size=1, max_size=2), client_id=st.text(),
        jti=st.uuids().map(str), issued_at=st.integers(), expires_at=st.integers(), scopes=st.lists(st.text()),
        roles=st.lists(st.text()), permissions=st.lists(st.text()),
        authentication=st.none()
        | st.builds(Authentication, st.none() | st.uuids(), st.integers(), st.lists(st.text()), st.none() | st.text()),
        grant_id=st.none() | st.uuids(),
    )
)  # fmt: skip
def test_the_text_that_is_signed_says_the_claims_and_nothing_else(content: AccessTokenContent) -> None:
    assert json.loads(content.to_json()) == content.claims()
    assert content.to_json().isascii()
