from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from token_core.sessions.identifier import MAX_IDENTIFIER_CHARACTERS, comparable


def test_spellings_of_one_address_are_one_account():
    assert comparable(" Ada@Example.COM ") == comparable("ada@example.com")


@given(st.text(max_size=600))
def test_what_is_no_address_still_has_one_comparable_form(text):
    found = comparable(text)
    assert len(found) <= MAX_IDENTIFIER_CHARACTERS
    assert comparable(found) == comparable(text) or len(found) == MAX_IDENTIFIER_CHARACTERS


def test_what_is_typed_costs_no_more_than_its_length():
    """Minutes, if all of it were normalised: accents have to be sorted."""
    assert comparable("a" + "\u0301\u0316" * 250_000)
