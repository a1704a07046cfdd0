"""RFC 7662 2.2, RFC 9068 4: only an access token that this issuer signed, and that is in time, says anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id
from tests.unit.token_core.world import ISSUER, a_key_ring
from token_core.tokens import jws
from token_core.tokens.keys import UnknownToken
from token_core.tokens.own_tokens import read_access_token

KEYS, NOW = a_key_ring(), 1_000
USER, SESSION, GRANT, JTI = new_id(), new_id(), new_id(), new_id()
CLAIMS = {
    "iss": ISSUER, "sub": str(USER), "aud": ["https://api.example", ISSUER], "exp": NOW + 300, "iat": NOW,
    "jti": str(JTI), "client_id": "web", "scope": "openid orders.read", "sid": str(SESSION), "grant_id": str(GRANT),
}  # fmt: skip


def read(token_type: str = jws.ACCESS_TOKEN, now: int = NOW, **changes: object):
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return read_access_token(KEYS, ISSUER, KEYS.sign(token_type, claims), now)


def test_a_persons_token_names_all_that_it_rests_on() -> None:
    token = read()
    assert (token.user_id, token.session_id, token.grant_id, token.jti) == (USER, SESSION, GRANT, JTI)
    assert (token.audience, token.scopes) == (("https://api.example", ISSUER), ("openid", "orders.read"))


def test_a_machines_token_rests_on_no_person() -> None:
    token = read(sub="client:machine", aud="https://api.example", sid=None, grant_id=None)
    assert (token.user_id, token.session_id, token.grant_id) == (None, None, None)
    assert token.audience == ("https://api.example",)


@pytest.mark.parametrize("changes", [{"iss": "https://evil.example"}, {"exp": NOW}, {"exp": NOW - 1}])
def test_another_issuers_or_an_expired_one_is_unknown(changes) -> None:
    with pytest.raises(UnknownToken):
        read(**changes)


def test_an_id_token_is_never_taken_for_an_access_token() -> None:
    """RFC 9068 section 5: typ keeps them apart."""
    with pytest.raises(UnknownToken):
        read(jws.ID_TOKEN)


def test_another_key_rings_token_is_unknown() -> None:
    with pytest.raises(UnknownToken):
        read_access_token(KEYS, ISSUER, a_key_ring().sign(jws.ACCESS_TOKEN, CLAIMS), NOW)


@given(st.text(max_size=100))
def test_any_text_is_unknown(text: str) -> None:
    with pytest.raises(UnknownToken):
        read_access_token(KEYS, ISSUER, text, NOW)
