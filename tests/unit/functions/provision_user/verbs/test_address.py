from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.commands import RejectionReason
from functions.provision_user.contradictions import ContradictionError
from functions.provision_user.verbs.address import canonical_address
from shared.identity.email import InvalidEmail, canonical_email


def test_an_address_is_kept_as_given_and_compared_in_one_form() -> None:
    assert canonical_address(" Ada@Example.COM ") == ("Ada@Example.COM", "ada@example.com")


@given(st.text(max_size=80))
def test_anything_else_is_an_invalid_field_and_is_not_repeated(text: str) -> None:
    try:
        canonical = canonical_email(text.strip())
    except InvalidEmail:
        with pytest.raises(ContradictionError) as caught:
            canonical_address(text)
        assert (caught.value.reason, caught.value.detail) == (
            RejectionReason.INVALID_FIELD,
            "payload.email: not an address",
        )
    else:
        assert canonical_address(text) == (text.strip(), canonical)


@pytest.mark.parametrize("text", ["a@b", "ada@example.com, eve@example.com", "ada@example.com\r\nBcc: eve@example.com"])
def test_no_second_recipient_is_smuggled_in(text: str) -> None:
    with pytest.raises(ContradictionError):
        canonical_address(text)
