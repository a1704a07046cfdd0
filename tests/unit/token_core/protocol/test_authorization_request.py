"""What needs no server: parameters, their order, their limits. The rest of the rules: tests/flows/test_authorize.py."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_core.errors import OAuthError
from token_core.protocol.authorization_request import (
    MAX_REQUEST_CHARACTERS,
    Parameters,
    UnsafeRequest,
    read_authorization_request,
    read_client_id,
    read_pairs,
    read_reply_address,
)


@dataclass(frozen=True)
class Client:
    client_id: str = "web"
    client_type: str = "confidential"
    redirect_uris: tuple[str, ...] = ("https://a.example/cb",)
    grant_types: tuple[str, ...] = ("authorization_code",)
    allowed_scopes: tuple[str, ...] = ("openid",)
    pkce_exempt: bool = False


GOOD = {
    "client_id": "web", "redirect_uri": "https://a.example/cb", "response_type": "code", "scope": "openid",
    "code_challenge": "x" * 43, "code_challenge_method": "S256",
}  # fmt: skip


def read(**changes: str):
    parameters = Parameters((GOOD | changes).items())
    return read_authorization_request(parameters, Client(), read_reply_address(parameters, Client()))


def test_a_parameter_without_a_value_counts_as_omitted():
    assert Parameters([("state", ""), ("nonce", "n")]).get("state") is None
    assert read(state="", nonce="").nonce is None


def test_a_request_that_is_too_long_gets_no_redirect():
    with pytest.raises(UnsafeRequest):
        Parameters([("state", "x" * MAX_REQUEST_CHARACTERS)])


def test_of_a_repeated_client_id_none_is_believed():
    with pytest.raises(UnsafeRequest):
        read_client_id(Parameters([("client_id", "a"), ("client_id", "a")]))


def test_resource_may_be_repeated_and_is_ignored():
    """RFC 8707 2 lets it be; this endpoint doesn't know it."""
    assert Parameters([("resource", "a"), ("resource", "b")]).repeated == ()


def test_scopes_are_kept_in_order_and_once():
    assert read(scope="openid openid").scopes == ("openid",)


def test_a_large_max_age_is_capped():
    assert (read(max_age="9999999999").max_age_seconds or 0) < 10**9


@given(st.dictionaries(st.sampled_from([*GOOD, "prompt", "max_age", "nonce", "response_mode"]), st.text(max_size=60)))
def test_whatever_is_sent_is_read_or_refused_in_the_protocols_own_form(changes):
    refused = None
    try:
        read(**changes)
    except (OAuthError, UnsafeRequest) as error:
        refused = error
    if isinstance(refused, OAuthError):
        assert refused.status == 400
        assert all(0x20 <= ord(letter) < 0x7F and letter not in '"\\' for letter in refused.description)


@given(st.binary(max_size=200))
def test_whatever_bytes_are_sent_are_read_or_refused(encoded):
    try:
        pairs = read_pairs(encoded)
    except UnsafeRequest:
        return
    assert all(isinstance(value, str) for pair in pairs for value in pair)
