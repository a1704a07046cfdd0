from __future__ import annotations

import pytest

from events.profile import Profile
from shared.identity.profile import (
    InvalidProfileError,
    changed_profile,
    claims_of_scopes,
    read_profile,
    stored_profile,
)


def test_claims_of_openid_connect_are_read_and_stored_without_the_unknown() -> None:
    profile = read_profile(
        {"name": "Ada", "locale": "en-GB", "zoneinfo": "Europe/London", "birthdate": "1815-12-10", "gender": None}
    )
    assert stored_profile(profile) == {
        "name": "Ada",
        "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London",
        "locale": "en-GB",
    }


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("name", 7), ("name", ""), ("name", "a\nb"), ("name", "x" * 257), ("picture", "javascript:alert(1)"),
        ("picture", 'http://x/"><script>'), ("birthdate", "10.12.1815"), ("zoneinfo", "../etc/passwd"),
        ("locale", "en GB"), ("is_admin", True), ("sub", "x"), ("email", "a@example.com"),
    ],
)  # fmt: skip
def test_a_wrong_claim_is_named_and_its_value_is_not_repeated(claim: str, value: object) -> None:
    with pytest.raises(InvalidProfileError) as caught:
        read_profile({claim: value})
    assert str(caught.value) == f"profile: {claim}"


def test_a_change_keeps_what_it_leaves_out_and_forgets_what_it_sets_to_null() -> None:
    change = Profile.model_validate({"name": "Ada King", "nickname": None})
    assert changed_profile({"name": "Ada", "nickname": "Enchantress", "locale": "en"}, change) == {
        "name": "Ada King",
        "locale": "en",
    }


def test_claims_are_shown_by_scope_only() -> None:
    profile = {"name": "Ada", "locale": "en"}
    assert claims_of_scopes(["openid"], profile, "a@example.com", email_verified=True) == {}
    assert claims_of_scopes(["openid", "profile"], profile, "a@example.com", email_verified=True) == profile
    assert claims_of_scopes(["email"], profile, "a@example.com", email_verified=False) == {
        "email": "a@example.com",
        "email_verified": False,
    }
    assert claims_of_scopes(["email"], {}, None, email_verified=False) == {}
