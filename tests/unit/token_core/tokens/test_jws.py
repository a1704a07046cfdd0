"""RFC 7515, RFC 7518 3.4, RFC 8725."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from token_core.tokens import jws

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "jws_rfc7515.json").read_text())
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
KEYS = {"ES256": EC_KEY, "RS256": RSA_KEY}
CLAIMS = {"iss": "https://id.example.com", "sub": "\u00e9\u5f20", "n": 1, "roles": ["a"], "x": None}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


def signed(algorithm: str = "ES256", claims: object = None) -> str:
    return jws.sign(
        KEYS[algorithm], jws.header_segment(algorithm, "k1", "at+jwt"), CLAIMS if claims is None else claims
    )


def public(vector: dict):
    return jwt.PyJWK(vector["jwk"], vector["algorithm"]).key


@pytest.mark.parametrize("vector", VECTORS["tokens"], ids=lambda vector: vector["algorithm"])
def test_the_examples_of_rfc_7515_are_verified(vector: dict) -> None:
    assert jws.verify(public(vector), vector["token"]) == VECTORS["claims"]


@pytest.mark.parametrize("vector", VECTORS["tokens"], ids=lambda vector: vector["algorithm"])
@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_bit_in_any_part_is_refused(vector: dict, part: int) -> None:
    parts = vector["token"].split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    with pytest.raises(jws.BadSignature):
        jws.verify(public(vector), ".".join(parts))


@pytest.mark.parametrize("algorithm", jws.ALGORITHMS)
def test_another_library_verifies_what_is_signed_here(algorithm: str) -> None:
    token = signed(algorithm)
    assert jwt.decode(token, KEYS[algorithm].public_key(), [algorithm], options={"verify_signature": True}) == CLAIMS
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "at+jwt", "kid": "k1"}


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_claims_come_back_as_they_were(claims: dict) -> None:
    assert jws.verify(EC_KEY.public_key(), signed(claims=claims)) == claims


def test_an_es256_signature_is_64_bytes_whatever_its_numbers() -> None:
    """RFC 7518 3.4: the octet sequences MUST NOT be shortened to omit leading zero octets."""
    assert {len(jws.unb64(signed().rpartition(".")[2])) for _ in range(300)} == {64}


def test_a_der_signature_is_no_es256_signature() -> None:
    head, _, _ = signed().rpartition(".")
    der = EC_KEY.sign(head.encode(), ec.ECDSA(jws.SHA256()))
    with pytest.raises(jws.BadSignature):
        jws.verify(EC_KEY.public_key(), f"{head}.{jws.b64(der)}")


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\xff" * 64, b"\0" * 63, b"\0" * 65], ids=len)
def test_numbers_out_of_range_are_refused(signature: bytes) -> None:
    head, _, _ = signed().rpartition(".")
    with pytest.raises(jws.BadSignature):
        jws.verify(EC_KEY.public_key(), f"{head}.{jws.b64(signature)}")


def test_another_keys_signature_is_refused() -> None:
    with pytest.raises(jws.BadSignature):
        jws.verify(ec.generate_private_key(ec.SECP256R1()).public_key(), signed())
    with pytest.raises(jws.BadSignature):
        jws.verify(RSA_KEY.public_key(), signed("ES256"))
    with pytest.raises(jws.BadSignature):
        jws.verify(EC_KEY.public_key(), signed("RS256"))


@pytest.mark.parametrize("payload", [b"[]", b"1", b"null", b'"x"', b"", b"{", b"\xff"])
def test_a_payload_that_is_no_object_is_refused_though_signed(payload: bytes) -> None:
    head = jws.header_segment("ES256", "k1", "at+jwt") + jws.b64(payload)
    token = f"{head}.{jws.b64(jws._signature(EC_KEY, head.encode()))}"
    with pytest.raises(jws.BadSignature):
        jws.verify(EC_KEY.public_key(), token)


@given(st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9_-]{0,9}(\.[A-Za-z0-9_-]{0,9}){0,4}", fullmatch=True))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(jws.BadSignature):
        jws.verify(EC_KEY.public_key(), text)


@given(st.binary())
def test_base64url_has_no_padding_and_comes_back(raw: bytes) -> None:
    """RFC 7515 2: all trailing '=' characters omitted."""
    text = jws.b64(raw)
    assert not set(text) & set("=+/\n") and jws.unb64(text) == raw


@pytest.mark.parametrize("text", ["-_-_=", "QQ==", "+/+/", "ab+c", "ab/c", "QQ Q", "QQQ\n", "\u00e9abc", "a"])
def test_base64_in_any_other_form_is_refused(text: str) -> None:
    """One token has one text: whoever keeps its hash must not meet it under another."""
    with pytest.raises(jws.BadSignature):
        jws.unb64(text)
