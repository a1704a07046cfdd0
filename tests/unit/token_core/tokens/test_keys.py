from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.signing_keys import SigningKey, public_jwk
from token_core.errors import TemporarilyUnavailable
from token_core.tokens import jws
from token_core.tokens.keys import KeyRing, UnknownToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def make_key(algorithm: str = "ES256", state: str = "active", publish_until: datetime | None = None) -> SigningKey:
    private = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
    jwk = public_jwk(private)
    return SigningKey(jwk["kid"], algorithm, state, jwk, None if state == "retired" else private, None, publish_until)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_pyjwt_verifies_what_the_ring_signs(algorithm: str) -> None:
    ring, key = KeyRing(), make_key(algorithm)
    ring.load([key], NOW)
    token = ring.sign(jws.ID_TOKEN, {"sub": "é"}, algorithm)
    published = jwt.PyJWKSet.from_json(ring.jwks.decode())[key.kid]
    assert jwt.decode(token, published, algorithms=[algorithm]) == {"sub": "é"}
    assert ring.verify(jws.ID_TOKEN, token) == {"sub": "é"}


def test_a_token_of_another_type_is_unknown() -> None:
    ring = KeyRing()
    ring.load([make_key()], NOW)
    token = ring.sign(jws.ID_TOKEN, {})
    with pytest.raises(UnknownToken):
        ring.verify(jws.ACCESS_TOKEN, token)


def test_announced_keys_are_shown_and_do_not_sign() -> None:
    ring, active, announced = KeyRing(), make_key(), make_key(state="announced")
    ring.load([active, announced], NOW)
    assert jwt.get_unverified_header(ring.sign(jws.ACCESS_TOKEN, {}))["kid"] == active.kid
    assert set(ring.kids) == {active.kid, announced.kid}


def test_what_a_retired_key_signed_is_good_until_its_time() -> None:
    ring, key = KeyRing(), make_key()
    ring.load([key], NOW)
    token = ring.sign(jws.ACCESS_TOKEN, {"a": 1})
    retired = SigningKey(key.kid, "ES256", "retired", key.public_jwk, None, None, NOW + timedelta(minutes=1))
    ring.load([retired, make_key()], NOW)
    assert ring.verify(jws.ACCESS_TOKEN, token) == {"a": 1}
    ring.load([retired], NOW + timedelta(minutes=2))
    with pytest.raises(UnknownToken):
        ring.verify(jws.ACCESS_TOKEN, token)
    with pytest.raises(TemporarilyUnavailable):
        ring.sign(jws.ACCESS_TOKEN, {})


def test_a_forgotten_key_goes_at_once() -> None:
    ring, compromised, kept = KeyRing(), make_key(), make_key(state="announced")
    ring.load([compromised, kept], NOW)
    ring.forget_all_but({kept.kid})
    assert [key["kid"] for key in json.loads(ring.jwks)["keys"]] == [kept.kid]
    assert not ring.is_ready


@pytest.mark.parametrize("change", ["none", "short", "signature", "claims", "header", "dots"])
def test_nothing_altered_verifies(change: str) -> None:
    ring, key = KeyRing(), make_key()
    ring.load([key], NOW)
    head, body, signature = ring.sign(jws.ACCESS_TOKEN, {"a": 1}).split(".")
    forged = {
        "none": f"{head}.{body}.",
        "short": f"{head}.{body}.{signature[:-4]}",
        "signature": f"{head}.{body}.{'A' * len(signature)}",
        "claims": f"{head}.{jws.b64(b'{}')}.{signature}",
        "header": f"{jws.b64(json.dumps({'alg': 'none', 'typ': 'at+jwt', 'kid': key.kid}).encode())}.{body}.{signature}",
        "dots": f"{head}.{body}.{signature}.",
    }[change]
    with pytest.raises(UnknownToken):
        ring.verify(jws.ACCESS_TOKEN, forged)
