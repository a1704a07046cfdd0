from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_core.tokens.authorization_code import (
    CODE_PREFIX,
    AuthorizationCode,
    MalformedCode,
    code_hash,
    code_issued_at,
    code_name,
    make_code,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, 123000, tzinfo=UTC)


def test_a_code_carries_its_millisecond():
    code = make_code(NOW)
    assert code.startswith(CODE_PREFIX)
    assert code_issued_at(code) == NOW
    assert make_code(NOW) != code


@given(st.text(max_size=80))
def test_what_is_no_code_is_called_malformed(text):
    with pytest.raises(MalformedCode):
        code_issued_at(text)
    with pytest.raises(MalformedCode):
        code_issued_at(CODE_PREFIX + "_" * 54)  # a time that no clock shows


def test_a_codes_name_is_not_enough_to_find_it():
    hashed = code_hash(make_code(NOW))
    assert code_name(hashed) == hashed.hex()[:32]


def test_what_a_code_stands_for_comes_back_as_it_was():
    content = AuthorizationCode(
        client_id="web", user_id=uuid.uuid4(), session_id=uuid.uuid4(), redirect_uri="https://a.example/cb",
        scopes=("openid", "email"), nonce=None, code_challenge="x" * 43, auth_time=1, amr=("pwd",), acr=None,
        issued_at_ms=1_000,
    )  # fmt: skip
    assert AuthorizationCode.from_json(content.to_json()) == content
