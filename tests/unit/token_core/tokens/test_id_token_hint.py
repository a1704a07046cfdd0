"""OpenID Connect RP-Initiated Logout 1.0 section 2: a hint is an ID token that this issuer signed, expired or not."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.token_core.world import ISSUER, a_key_ring
from token_core.tokens import jws
from token_core.tokens.id_token_hint import verify_hint

KEYS = a_key_ring()
CLAIMS = {"iss": ISSUER, "sub": "u-1", "aud": "web", "sid": "s-1", "exp": 1}


def hint(**changes: object) -> str:
    return KEYS.sign(jws.ID_TOKEN, {**CLAIMS, **changes})


def test_an_expired_one_still_names_person_client_and_session() -> None:
    found = verify_hint(KEYS, ISSUER, hint())
    assert found is not None
    assert (found.subject, found.client_id, found.session_id) == ("u-1", "web", "s-1")


def test_a_session_that_is_not_named_is_none() -> None:
    for sid in (None, 7, ["s"]):
        found = verify_hint(KEYS, ISSUER, hint(sid=sid))
        assert found is not None and found.session_id is None


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"iss": None},
        {"sub": 7},
        {"sub": None},
        {"aud": ["web"]},
    ],
)
def test_claims_that_are_not_an_id_tokens_of_ours_are_no_hint(change) -> None:
    assert verify_hint(KEYS, ISSUER, hint(**change)) is None


def test_what_others_signed_or_nobody_is_no_hint() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    (kid,) = KEYS.kids
    forged = jwt.encode(CLAIMS, key, "ES256", headers={"typ": "JWT", "kid": kid})
    unsigned = jwt.encode(CLAIMS, None, "none", headers={"kid": kid})
    shared = jwt.encode(CLAIMS, "s" * 32, "HS256", headers={"kid": kid})
    for text in (forged, unsigned, shared, a_key_ring().sign(jws.ID_TOKEN, CLAIMS)):
        assert verify_hint(KEYS, ISSUER, text) is None


def test_an_access_token_is_no_hint() -> None:
    assert verify_hint(KEYS, ISSUER, KEYS.sign(jws.ACCESS_TOKEN, CLAIMS)) is None


@given(st.text(max_size=100))
def test_any_text_is_answered(text: str) -> None:
    assert verify_hint(KEYS, ISSUER, text) is None
