"""A signing key's kid is its thumbprint, as RFC 7638 section 3.1 computes it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from shared.signing_keys import public_jwk

VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "jwk_thumbprint_rfc7638.json").read_text())


def number(name: str) -> int:
    return int.from_bytes(urlsafe_b64decode(VECTOR[name] + "=="), "big")


def test_the_example_of_rfc_7638() -> None:
    n, e, d = number("n"), number("e"), number("d")
    p, q = rsa.rsa_recover_prime_factors(n, e, d)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, n)
    )
    jwk = public_jwk(numbers.private_key())
    assert (jwk["n"], jwk["e"], jwk["kid"]) == (VECTOR["n"], VECTOR["e"], VECTOR["thumbprint"])
