"""OpenID Connect Core 2, 3.1.3.3, 3.1.3.6, 12.2."""

from __future__ import annotations

from shared.ids import new_id
from token_core.tokens.access_token import Authentication
from token_core.tokens.id_token import CLAIMS, TTL_SECONDS, half_hash, id_token_claims

SIGNED_IN = Authentication(new_id(), 900, ("pwd",), "urn:acr:1")


def claims(nonce: str | None = "n-0S6_WzA2Mj", authentication: Authentication = SIGNED_IN) -> dict:
    return id_token_claims(
        issuer="https://id.example.com", subject="u-1", client_id="web", issued_at=1_000, access_token="at",
        authentication=authentication, nonce=nonce,
    )  # fmt: skip


def test_every_required_claim_is_there_and_the_audience_is_the_client_alone() -> None:
    made = claims()
    assert {"iss", "sub", "aud", "exp", "iat"} <= set(made)
    assert (made["aud"], made["azp"], made["exp"] - made["iat"]) == ("web", "web", TTL_SECONDS)


def test_the_nonce_comes_back_unmodified_and_none_is_made_up() -> None:
    """Core 2: the value is passed through unmodified from the Authentication Request."""
    assert claims('\u00e9 "quoted"')["nonce"] == '\u00e9 "quoted"'
    assert "nonce" not in claims(None)


def test_it_is_tied_to_the_access_token_beside_it() -> None:
    assert claims()["at_hash"] == half_hash("at") != half_hash("other")


def test_only_claims_that_discovery_lists_are_in_it() -> None:
    assert set(claims()) <= set(CLAIMS)


def test_it_is_no_access_token() -> None:
    assert not {"scope", "permissions", "roles", "client_id", "jti"} & set(claims())
