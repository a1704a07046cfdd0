from __future__ import annotations

import base64
import hashlib

import pytest

from token_core.errors import InvalidClient, InvalidRequest
from token_core.protocol.client_auth import BASIC, NONE, POST, is_secret_right, read_client


def header(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


def test_each_method_is_told_apart() -> None:
    assert read_client(header("a:b"), {}).method == BASIC
    assert read_client(None, {"client_id": "a", "client_secret": "b"}).method == POST
    assert read_client(None, {"client_id": "a"}).method == NONE


def test_both_halves_of_basic_are_form_decoded() -> None:
    presented = read_client(header("my%3Aid+x:p%25w%2Bd"), {})
    assert (presented.client_id, presented.secret) == ("my:id x", "p%w+d")


def test_only_the_first_colon_divides() -> None:
    assert read_client(header("a:b:c"), {}).secret == "b:c"


def test_two_methods_or_two_ids_are_an_invalid_request() -> None:
    for parameters in ({"client_secret": "b"}, {"client_id": "other"}):
        with pytest.raises(InvalidRequest):
            read_client(header("a:b"), parameters)


def test_oversized_credentials_are_refused() -> None:
    for parameters in ({"client_id": "x" * 257}, {"client_id": "x", "client_secret": "y" * 513}):
        with pytest.raises(InvalidClient):
            read_client(None, parameters)


def test_a_client_assertion_is_not_taken_for_another_method() -> None:
    with pytest.raises(InvalidClient):
        read_client(None, {"client_id": "a", "client_assertion": "x"})


def test_only_a_live_secret_is_right() -> None:
    live = (hashlib.sha256(b"old").digest(), hashlib.sha256(b"new").digest())
    assert is_secret_right("old", live)
    assert is_secret_right("new", live)
    for secret, hashes in (("x", live), ("", live), (None, live), ("old", ()), ("old", None), (None, None)):
        assert not is_secret_right(secret, hashes)
