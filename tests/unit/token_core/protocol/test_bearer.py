from __future__ import annotations

import pytest

from token_core.errors import InvalidRequest, InvalidToken, MissingToken
from token_core.protocol.bearer import MAX_TOKEN, challenge, read_bearer


def test_the_scheme_is_case_insensitive() -> None:
    assert read_bearer(b"bEARER abc", {}) == "abc"
    assert read_bearer(None, {"access_token": "abc"}) == "abc"


def test_no_token_two_tokens_and_a_malformed_one_are_told_apart() -> None:
    with pytest.raises(MissingToken):
        read_bearer(None, {})
    with pytest.raises(MissingToken):
        read_bearer(b"Basic abc", {})
    with pytest.raises(InvalidRequest):
        read_bearer(b"Bearer abc", {"access_token": "abc"})
    for bad in (
        b"Bearer",
        b"Bearer ",
        b'Bearer a"b',
        b"Bearer a b",
        b"Bearer \xff",
        b"Bearer " + b"x" * (MAX_TOKEN + 1),
    ):
        with pytest.raises(InvalidToken):
            read_bearer(bad, {})


def test_a_challenge_without_error_names_the_realm_only() -> None:
    assert challenge(None, None) == b'Bearer realm="userinfo"'
    assert b'scope="openid"' in challenge("insufficient_scope", "x", "openid")
