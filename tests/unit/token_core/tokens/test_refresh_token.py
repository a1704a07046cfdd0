from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from token_core.tokens.refresh_token import lock_answer, make_refresh_token, read_refresh_token, unlock_answer

KEY = b"k" * 32
FAMILY = uuid.UUID(int=42)


def test_a_token_tells_its_family_and_generation() -> None:
    token = make_refresh_token(KEY, FAMILY, 7)
    assert read_refresh_token(KEY, token.text) == token
    assert (token.family_id, token.generation) == (FAMILY, 7)
    assert make_refresh_token(KEY, FAMILY, 7).text != token.text


@given(st.integers(6, 97), st.characters())
def test_no_altered_token_is_ours(position: int, character: str) -> None:
    text = make_refresh_token(KEY, FAMILY, 1).text
    altered = text[:position] + character + text[position + 1 :]
    assert altered == text or read_refresh_token(KEY, altered) is None


def test_another_key_made_none_of_ours() -> None:
    assert read_refresh_token(b"x" * 32, make_refresh_token(KEY, FAMILY, 1).text) is None


def test_only_the_spent_token_with_the_same_binding_opens_the_answer() -> None:
    spent, other = make_refresh_token(KEY, FAMILY, 1), make_refresh_token(KEY, FAMILY, 1)
    locked = lock_answer(spent, b"binding", b"the answer")
    assert unlock_answer(spent, b"binding", locked) == b"the answer"
    assert unlock_answer(other, b"binding", locked) is None
    assert unlock_answer(spent, b"another", locked) is None
    assert b"answer" not in locked
    assert lock_answer(spent, b"binding", b"the answer") != locked
