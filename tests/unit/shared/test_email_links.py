from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import pytest

from shared.email_links import link_token, read_link_token

KEY = b"k" * 32
EMAIL_ID = UUID("0190f3a4-6c1e-7b2a-9d3e-5f60718293a4")


def test_a_link_names_the_mail_it_was_made_for() -> None:
    assert read_link_token(KEY, link_token(KEY, EMAIL_ID, "set_password"), "set_password") == EMAIL_ID


def test_a_link_is_derived_so_that_nothing_need_hold_it() -> None:
    assert link_token(KEY, EMAIL_ID, "set_password") == link_token(KEY, EMAIL_ID, "set_password")


def test_a_link_for_one_purpose_is_none_for_another() -> None:
    assert read_link_token(KEY, link_token(KEY, EMAIL_ID, "verify_email"), "set_password") is None


def test_a_link_of_another_key_is_none() -> None:
    assert read_link_token(KEY, link_token(b"x" * 32, EMAIL_ID, "set_password"), "set_password") is None


def test_no_byte_of_a_link_can_be_changed() -> None:
    token = link_token(KEY, EMAIL_ID, "set_password")
    body = urlsafe_b64decode(token[6:])
    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 1
        assert read_link_token(KEY, "ap_ln_" + urlsafe_b64encode(changed).decode(), "set_password") is None


@pytest.mark.parametrize(
    "token", ["", "ap_ln_", "ap_ln_" + "A" * 64, "ap_cs_" + "A" * 64, "ap_ln_" + "ä" * 64, "ap_ln_" + "A" * 63 + "\n"]
)
def test_what_is_no_link_is_none(token: str) -> None:
    assert read_link_token(KEY, token, "set_password") is None
