"""OpenID Connect Core 5.1, 5.3.2, 5.4."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from token_core.protocol.claims import PROFILE_CLAIMS, SCOPE_CLAIMS, claims_for

KNOWN = {"name": "Ada", "locale": "en", "email": "ada@example.com", "email_verified": False, "password": "canary"}


def test_a_scope_opens_its_claims_and_no_others() -> None:
    assert claims_for(["profile"], KNOWN) == {"name": "Ada", "locale": "en"}
    assert claims_for(["email"], KNOWN) == {"email": "ada@example.com", "email_verified": False}
    assert claims_for(["openid", "offline_access", "orders.read"], KNOWN) == {}


def test_a_claim_that_is_not_known_is_left_out_and_not_null() -> None:
    """Core 5.3.2: SHOULD be omitted, not present with a null or empty value."""
    assert claims_for(["profile", "email"], {"name": None, "email": "a@example.com"}) == {"email": "a@example.com"}


def test_false_is_known() -> None:
    assert claims_for(["email"], {"email_verified": False}) == {"email_verified": False}


@given(st.lists(st.sampled_from(["openid", "profile", "email", "gone"])), st.dictionaries(st.text(), st.text()))
def test_nothing_but_the_scopes_claims_is_ever_told(scopes: list[str], known: dict[str, str]) -> None:
    opened = {name for scope in scopes for name in SCOPE_CLAIMS.get(scope, ())}
    assert set(claims_for(scopes, {**known, **KNOWN})) <= opened


def test_sub_comes_from_the_token_and_never_from_the_profile() -> None:
    assert "sub" not in PROFILE_CLAIMS and "email" not in PROFILE_CLAIMS
