"""What strangers send to the protocol's readers: an answer in the protocol's words, whatever the bytes (hypothesis)."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.email_links import link_token, read_link_token
from shared.ids import new_id
from tests.unit.token_core.world import a_client
from token_core.errors import InvalidClient, InvalidRequest, InvalidScope, OAuthError
from token_core.protocol.authorization_request import (
    Parameters,
    ReplyAddress,
    UnsafeRequest,
    read_authorization_request,
    read_client_id,
    read_pairs,
    read_reply_address,
)
from token_core.protocol.authorization_response import error_parameters, success_parameters, with_query
from token_core.protocol.bearer import read_bearer
from token_core.protocol.client_auth import MAX_CLIENT_ID, UnverifiedClient, is_secret_right, read_client
from token_core.protocol.form import form_decode, parse_form, require_form
from token_core.protocol.pkce import proves, s256
from token_core.protocol.redirect_uri import is_registered_redirect_uri
from token_core.protocol.scope import parse_scope
from token_core.tokens.refresh_token import make_refresh_token, read_refresh_token

PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
NAMES = st.sampled_from(["client_id", "client_secret", "client_assertion", "grant_type", "x"])
REGISTERED = "https://app.example/callback?tenant=1"


@given(st.dictionaries(PRINTABLE.filter(bool), PRINTABLE.filter(bool), max_size=5))
def test_every_form_that_a_client_encodes_is_read_as_it_meant(parameters: dict[str, str]) -> None:
    assert parse_form(urlencode(parameters).encode()) == parameters


@given(st.binary(max_size=60))
def test_what_is_decoded_has_no_control_characters(raw: bytes) -> None:
    try:
        text = form_decode(raw)
    except InvalidRequest:
        return
    assert not set(text) & {*map(chr, range(9)), *map(chr, range(14, 32)), "\x7f"}


@given(st.binary(max_size=80))
def test_only_a_form_is_a_form(content_type: bytes) -> None:
    try:
        require_form(content_type)
    except InvalidRequest:
        return
    assert content_type.lower().strip().startswith(b"application/x-www-form-urlencoded")


@given(PRINTABLE.filter(bool), PRINTABLE)
def test_basic_credentials_of_any_characters_come_back(client_id: str, secret: str) -> None:
    encoded = base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode())
    presented = read_client(b"Basic " + encoded, {})
    assert (presented.client_id, presented.secret) == (client_id, secret)


@given(st.none() | st.binary(max_size=80) | st.binary(max_size=60).map(lambda raw: b"Basic " + base64.b64encode(raw)),
       st.dictionaries(NAMES, st.text(max_size=30)))  # fmt: skip
def test_any_credentials_are_one_unverified_client_or_an_error_of_rfc_6749(authorization, parameters) -> None:
    try:
        presented = read_client(authorization, parameters)
    except (InvalidClient, InvalidRequest):
        return
    assert isinstance(presented, UnverifiedClient) and len(presented.client_id) <= MAX_CLIENT_ID
    assert authorization is None or "client_secret" not in parameters


@given(st.none() | st.text(), st.lists(st.binary(min_size=32, max_size=32), max_size=3))
def test_no_secret_is_right_that_was_not_issued(secret: str | None, hashes: list[bytes]) -> None:
    assert not is_secret_right(secret, hashes)


@given(st.none() | st.binary(max_size=60), st.dictionaries(st.just("access_token"), st.text(max_size=30)))
def test_any_bearer_credentials_are_a_token_or_an_error(authorization, parameters) -> None:
    try:
        token = read_bearer(authorization, parameters)
    except OAuthError as error:
        assert error.status in {400, 401}  # noqa: PT017
        return
    assert token.isascii() and token.isprintable() and " " not in token


@given(st.text(max_size=200))
def test_any_scope_is_a_list_of_names_or_invalid(text: str) -> None:
    try:
        names = parse_scope(text)
    except InvalidScope:
        return
    assert names is not None and set(names) == set(text.split(" "))
    assert all(0x21 <= ord(character) <= 0x7E and character not in '"\\' for name in names for character in name)


@given(st.text(max_size=60))
def test_no_address_but_the_registered_one_is_answered(text: str) -> None:
    """RFC 9700 4.1.3: exact string matching."""
    assert is_registered_redirect_uri(text, [REGISTERED]) is (text == REGISTERED)


@given(st.text(min_size=1, max_size=20), st.integers(0, len(REGISTERED)))
def test_nothing_can_be_put_into_a_registered_address(text: str, position: int) -> None:
    altered = REGISTERED[:position] + text + REGISTERED[position:]
    assert not is_registered_redirect_uri(altered, [REGISTERED])


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1.evil.example:1/cb", "http://127.0.0.1:1@evil.example/cb", "http://127.0.0.1@evil.example/cb",
        "http://evil.example/cb#http://127.0.0.1/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:99999/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:1/cb#x", "http://127.0.0.1:1/cb/../x",
        "https://127.0.0.1:1/cb", "http://127.0.0.2:1/cb", "http://127.1:1/cb", "http://2130706433:1/cb",
        "http://localhost:1/cb", "http://[::1]:1/cb", "http://127.0.0.1:1", "http://127.0.0.1:1/CB",
        "http://127.0.0.1:\u0661/cb", "http://127.0.0.1:1/cb\n", "HTTP://127.0.0.1:1/cb", "http://127.0.0.1:+1/cb",
    ],
)  # fmt: skip
def test_a_loopback_address_differs_in_its_port_and_in_nothing_else(uri: str) -> None:
    """RFC 8252 7.3, 8.3."""
    assert not is_registered_redirect_uri(uri, ["http://127.0.0.1/cb"])


@given(st.integers(1, 65_535))
def test_a_loopback_address_may_have_any_port(port: int) -> None:
    for host in ("127.0.0.1", "[::1]"):
        assert is_registered_redirect_uri(f"http://{host}:{port}/cb?a=1", [f"http://{host}/cb?a=1"])
        assert not is_registered_redirect_uri(f"https://app.example:{port}/cb", ["https://app.example/cb"])


@given(st.text(max_size=140), st.text(max_size=140))
def test_a_proof_is_the_verifier_of_its_challenge_alone(verifier: str, challenge: str) -> None:
    assert not proves(verifier, challenge) or challenge == s256(verifier)


AUTHORIZATION_NAMES = st.sampled_from(
    ["client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
     "code_challenge_method", "prompt", "max_age", "request", "request_uri", "login_hint", "x"]
)  # fmt: skip
AUTHORIZATION_VALUES = st.text(max_size=30) | st.sampled_from(
    [
        "web",
        REGISTERED,
        "code",
        "token",
        "query",
        "form_post",
        "fragment",
        "openid",
        "S256",
        "plain",
        "A" * 43,
        "none",
        "login",
        "-1",
        "9" * 40,
    ]
)


@given(st.lists(st.tuples(AUTHORIZATION_NAMES, AUTHORIZATION_VALUES), max_size=14))
def test_any_authorization_request_is_read_or_refused_and_only_a_registered_address_is_told(pairs) -> None:
    client = a_client(redirect_uris=(REGISTERED,))
    try:
        parameters = Parameters(pairs)
        read_client_id(parameters)
        reply = read_reply_address(parameters, client)
    except UnsafeRequest:
        return
    assert reply.redirect_uri == REGISTERED
    try:
        request = read_authorization_request(parameters, client, reply)
    except OAuthError as error:
        assert error.redirectable and error.status == 400  # noqa: PT017
        return
    assert request.code_challenge is not None and set(request.scopes) <= set(client.allowed_scopes)


@given(st.binary(max_size=120))
def test_any_query_is_pairs_or_unsafe(query: bytes) -> None:
    try:
        pairs = read_pairs(query)
    except UnsafeRequest:
        return
    assert len(pairs) <= query.count(b"&") + 1


@given(PRINTABLE, PRINTABLE)
def test_a_state_comes_back_as_it_was_and_adds_no_parameter(state: str, description: str) -> None:
    """RFC 6749 4.1.2: the exact value received; RFC 9207 2: iss in every answer."""
    reply = ReplyAddress("web", REGISTERED, "query", state)
    issuer = "https://id.example.com"
    for parameters in (
        success_parameters(reply, "code-1", issuer),
        error_parameters(reply, "invalid_request", description, issuer),
    ):
        found = parse_qsl(urlsplit(with_query(REGISTERED, parameters)).query, keep_blank_values=True)
        assert found[0] == ("tenant", "1")
        assert dict(found[1:]) == parameters and len(found) == len(parameters) + 1
        assert parameters["iss"] == issuer and parameters["state"] == state


@given(
    st.text(max_size=120)
    | st.binary(min_size=69, max_size=69).map(lambda raw: "ap_rt_" + base64.urlsafe_b64encode(raw).decode())
)
def test_no_text_is_a_refresh_token_that_was_not_made_here(text: str) -> None:
    assert read_refresh_token(b"k" * 32, text) is None


@given(st.integers(0, 2**32 - 1))
def test_a_refresh_token_of_any_generation_is_read_as_made(generation: int) -> None:
    made = make_refresh_token(b"k" * 32, new_id(), generation)
    assert read_refresh_token(b"k" * 32, made.text) == made


@given(
    st.text(max_size=90)
    | st.binary(min_size=48, max_size=48).map(lambda raw: "ap_ln_" + base64.urlsafe_b64encode(raw).decode())
)
def test_no_text_is_a_link_that_was_not_made_here(text: str) -> None:
    assert read_link_token(b"k" * 32, text, "set_password") is None


@given(st.uuids())
def test_a_link_opens_for_its_own_purpose_only(email_id) -> None:
    token = link_token(b"k" * 32, email_id, "verify_email")
    assert read_link_token(b"k" * 32, token, "verify_email") == email_id
    for purpose in ("set_password", "trust_device", "verify_email ", ""):
        assert read_link_token(b"k" * 32, token, purpose) is None
