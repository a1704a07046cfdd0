from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.profile import Profile

URLS = ("profile", "picture", "website")


@pytest.mark.parametrize("claim", URLS)
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "ftp://example.com/", "//example.com/", "example.com", "http://",
        'https://x/"onload="', "https://x/<script>", "https://x/ y", "https://x/\n", "https://x/" + "a" * 2048,
    ],
)  # fmt: skip
def test_a_url_claim_is_a_web_address_that_no_page_has_to_escape(claim: str, url: str) -> None:
    with pytest.raises(ValidationError):
        Profile.model_validate({claim: url})


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("birthdate", "1990"), ("birthdate", "1990-02-28"), ("birthdate", "0000-07-01"), ("locale", "en"),
        ("locale", "pt-BR"), ("locale", "zh_Hant_TW"), ("zoneinfo", "Europe/Paris"), ("zoneinfo", "Etc/GMT+3"),
        ("website", "https://example.com/~ada?x=1#y"), ("name", "Ada \u2014 \u5f20\u4f1f"),
    ],
)  # fmt: skip
def test_claims_take_the_forms_of_openid_connect_core_5_1(claim: str, value: str) -> None:
    assert getattr(Profile.model_validate({claim: value}), claim) == value


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("birthdate", "1990-13-01"), ("birthdate", "1990-00-01"), ("birthdate", "1990-1-1"), ("birthdate", "1990-01-32"),
        ("locale", "e"), ("locale", "en-"), ("zoneinfo", "/etc"), ("zoneinfo", "a//b"), ("zoneinfo", "a b"),
        ("name", "a\x00b"), ("name", "a\tb"), ("gender", ""), ("nickname", "x" * 257),
    ],
)  # fmt: skip
def test_other_forms_are_refused_without_being_repeated(claim: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Profile.model_validate({claim: value})
    assert len(value) < 6 or value not in str(caught.value)


@given(st.dictionaries(st.sampled_from(list(Profile.model_fields)), st.text(max_size=20)))
def test_what_is_taken_has_no_control_characters(claims: dict[str, str]) -> None:
    try:
        profile = Profile.model_validate(claims)
    except ValidationError:
        return
    taken = "".join(profile.model_dump(exclude_none=True).values())
    assert not set(taken) & {*map(chr, range(32)), "\x7f"}


def test_the_platform_keeps_no_claim_that_it_did_not_name() -> None:
    for claim in ("sub", "email", "email_verified", "phone_number", "address", "updated_at", "is_admin"):
        with pytest.raises(ValidationError):
            Profile.model_validate({claim: "x"})
