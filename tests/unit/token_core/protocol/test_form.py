from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_core.errors import InvalidRequest
from token_core.protocol.form import parse_form, require_form


@given(st.binary(max_size=300))
def test_any_bytes_are_parameters_or_an_invalid_request(body: bytes) -> None:
    try:
        parameters = parse_form(body)
    except InvalidRequest:
        return
    assert all("\x00" not in name + value for name, value in parameters.items())


def test_plus_and_escapes_are_decoded_and_empty_values_omitted() -> None:
    assert parse_form(b"a=b+c%20d%2B&e=&f&%C3%A9=%E2%82%AC") == {"a": "b c d+", "é": "€"}


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a&a", b"a=%", b"a=%4", b"a=%zz", b"a=%ff", b"a=%00", b"a=\x1b"])
def test_a_repeated_name_a_broken_escape_or_a_control_character_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_form(body)


@pytest.mark.parametrize(
    "value", [None, b"", b"application/json", b"application/x-www-form-urlencoded; charset=latin-1"]
)
def test_other_media_types_are_refused(value: bytes | None) -> None:
    with pytest.raises(InvalidRequest):
        require_form(value)


def test_a_charset_of_utf8_is_fine() -> None:
    require_form(b'application/x-www-form-urlencoded; charset="UTF-8"')
