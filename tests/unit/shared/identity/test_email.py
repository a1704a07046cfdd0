from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.email import InvalidEmail, canonical_email


@pytest.mark.parametrize(
    ("given_as", "compared_as"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
        ("ada+shop@example.com", "ada+shop@example.com"),
        ("STRASSE@example.com", "strasse@example.com"),
        ("Straße@example.com", "strasse@example.com"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ZOE\u0301@example.com", "zoé@example.com"),
        ("zo\u00e9@example.com", "zoé@example.com"),
        ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("o'brien_%x@example.co.uk", "o'brien_%x@example.co.uk"),
    ],
)
def test_addresses_are_compared_in_one_form(given_as: str, compared_as: str) -> None:
    assert canonical_email(given_as) == compared_as
    assert canonical_email(compared_as) == compared_as


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "ada", "ada@", "@example.com", "ada@example", "ada@example.com.", "ada@.com", "ada@exa mple.com",
        " ada@example.com", "ada@example.com\n", "a da@example.com", ".ada@example.com", "ada.@example.com",
        "a..da@example.com", '"ada lovelace"@example.com', "ada@[192.0.2.1]", "ada@192.0.2.1.", "a@b@example.com",
        "ada@-example.com", "ada@example-.com", "ada\x00@example.com", "ada\u200b@example.com", "ada\u202e@example.com",
        "\ud800@example.com", "ada@\ud800.com", "x" * 65 + "@example.com", "ü" * 33 + "@example.com",
        "ada\ufe0f@example.com", "ada\u3164@example.com", "a\u034fda@example.com", "ada\u2800@example.com",
        "ada@" + "x" * 64 + ".com", "ada@" + ".".join(["x" * 60] * 5) + ".com", "<ada@example.com>", "ada@exa_mple.com",
    ],
)  # fmt: skip
def test_what_mail_cannot_be_sent_to_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidEmail) as caught:
        canonical_email(text)
    assert len(text) < 4 or text not in str(caught.value)


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        canonical = canonical_email(text)
    except InvalidEmail:
        return
    assert canonical_email(canonical) == canonical
    assert unicodedata.is_normalized("NFC", canonical)
    assert len(canonical) <= 254
