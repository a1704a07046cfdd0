from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.admin_api.paging import read_cursor, write_cursor
from functions.admin_api.problems import ProblemError


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=90))
def test_a_cursor_names_the_last_row_and_needs_no_quoting(key: str) -> None:
    cursor = write_cursor(key)
    assert read_cursor(cursor) == key
    assert not set(cursor) & set("=+/&?% ")


@pytest.mark.parametrize("cursor", ["a", "\u00e9", "gA", "AA", "Cg", "YWJj\n" * 3 + "x"])
def test_what_this_api_never_gave_is_a_bad_request_that_names_after(cursor: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read_cursor(cursor)
    assert (caught.value.status, caught.value.errors[0]["field"]) == (400, "after")


@given(st.text(max_size=128))
def test_any_text_is_a_key_or_a_bad_request(cursor: str) -> None:
    try:
        key = read_cursor(cursor)
    except ProblemError as problem:
        if problem.status != 400:
            raise
        return
    assert key.isascii() and key.isprintable()
