"""RFC 9068 section 4, RFC 8725: each thing that must not be accepted, by name."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from resource_server import AccessTokenVerifier, InvalidTokenError, JwksCache, KeysUnavailableError

NOW = 1_800_000_000
ISSUER, AUDIENCE = "https://id.example.com", "https://api.example.com"
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


def jwk(key, kid, algorithm="ES256"):
    import json

    make = jwt.algorithms.RSAAlgorithm if algorithm == "RS256" else jwt.algorithms.ECAlgorithm
    return {**json.loads(make.to_jwk(key.public_key())), "kid": kid, "use": "sig", "alg": algorithm}


class Issuer:
    """Publishes keys, and counts who asks."""

    def __init__(self):
        self.keys = [jwk(KEY, "k1"), jwk(RSA, "r1", "RS256")]
        self.fetches = 0
        self.is_down = False

    async def fetch(self, url):
        self.fetches += 1
        if self.is_down:
            raise KeysUnavailableError("down")
        return {"keys": self.keys}


class Clock:
    seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(issuer, clock):
    return JwksCache(f"{ISSUER}/oauth2/jwks", fetch=issuer.fetch, now=clock)


@pytest.fixture
def verifier(cache):
    return AccessTokenVerifier(ISSUER, AUDIENCE, cache, now=lambda: NOW)


def token(key=KEY, kid="k1", algorithm="ES256", typ="at+jwt", headers=None, without=(), **changes):
    claims = {
        "iss": ISSUER,
        "sub": "u-1",
        "aud": AUDIENCE,
        "exp": NOW + 300,
        "iat": NOW,
        "jti": "j-1",
        "client_id": "c-1",
        "scope": "users:read",
        "permissions": ["users:read"],
        "roles": ["admin"],
        "sid": "s-1",
    } | changes
    for name in without:
        del claims[name]
    return jwt.encode(claims, key, algorithm, headers={"kid": kid, "typ": typ, **(headers or {})})


async def test_a_good_token_says_what_it_says(verifier):
    good = await verifier.verify(token())
    assert (good.subject, good.client_id, good.session_id, good.jti) == ("u-1", "c-1", "s-1", "j-1")
    assert good.permissions == {"users:read"}
    assert good.expires_at == NOW + 300


async def test_the_audience_may_be_one_of_several(verifier):
    assert await verifier.verify(token(aud=[ISSUER, AUDIENCE]))
    assert await verifier.verify(token(typ="application/at+jwt"))


BAD = {
    "another_issuer": {"iss": "https://evil.example.com"},
    "issuer_with_a_slash": {"iss": ISSUER + "/"},
    "another_audience": {"aud": "https://other.example.com"},
    "expired": {"exp": NOW - 10},
    "expiry_as_text": {"exp": "soon"},
    "expiry_as_bool": {"exp": True},
    "issued_in_the_future": {"iat": NOW + 60},
    "not_yet_valid": {"nbf": NOW + 60},
    "an_id_token": {"typ": "JWT"},
    "no_typ": {"typ": None},
    "another_key": {"key": OTHER},
    "unknown_kid": {"kid": "k9"},
    "an_algorithm_not_allowed": {"key": RSA, "kid": "r1", "algorithm": "RS256"},
    "critical_header": {"headers": {"crit": ["x"], "x": 1}},
    "permissions_as_text": {"permissions": "users:read"},
    "scope_as_list": {"scope": ["users:read"]},
    "subject_as_number": {"sub": 1},
    **{f"without_{name}": {"without": (name,)} for name in ("iss", "sub", "aud", "exp", "iat", "jti", "client_id")},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
async def test_a_token_that_is_not_good_is_refused(verifier, changes):
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token(**changes))


async def test_algorithm_none_and_the_public_key_as_hmac_secret_are_refused(verifier):
    unsigned = jwt.encode({"iss": ISSUER}, None, "none", headers={"kid": "k1", "typ": "at+jwt"})
    hmac = jwt.encode({"iss": ISSUER}, "secret" * 10, "HS256", headers={"kid": "k1", "typ": "at+jwt"})
    for bad in (unsigned, hmac):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(bad)


@pytest.mark.parametrize(
    "text", ["", ".", "a.b.c", "..", "x" * 20_000, "é.ü.ñ", "eyJhbGciOiJub25lIn0..", "\x00.\x00.\x00"]
)
async def test_text_that_is_no_token_is_refused(verifier, text):
    with pytest.raises(InvalidTokenError):
        await verifier.verify(text)


async def test_keys_are_fetched_once_and_again_when_they_are_old(verifier, issuer, clock):
    for _ in range(3):
        await verifier.verify(token())
    assert issuer.fetches == 1
    clock.seconds += 301
    await verifier.verify(token())
    assert issuer.fetches == 2


async def test_a_new_key_is_met_at_once(verifier, issuer, clock):
    await verifier.verify(token())
    issuer.keys.append(jwk(OTHER, "k2"))
    clock.seconds += 6
    assert await verifier.verify(token(key=OTHER, kid="k2"))
    assert issuer.fetches == 2


async def test_made_up_kids_do_not_become_load_on_the_issuer(verifier, issuer, clock):
    for number in range(50):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(token(kid=f"made-up-{number}"))
    assert issuer.fetches == 1


async def test_a_withdrawn_key_is_refused_once_the_set_is_fetched_again(verifier, issuer, clock):
    await verifier.verify(token())
    issuer.keys = [jwk(OTHER, "k2")]
    clock.seconds += 301
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token())


async def test_known_keys_survive_an_issuer_that_is_down_for_a_while(verifier, issuer, clock):
    await verifier.verify(token())
    issuer.is_down = True
    clock.seconds += 3_600
    assert await verifier.verify(token())
    clock.seconds += 90_000
    with pytest.raises(KeysUnavailableError):
        await verifier.verify(token())


async def test_without_any_keys_it_cannot_be_told(verifier, issuer):
    issuer.is_down = True
    with pytest.raises(KeysUnavailableError):
        await verifier.verify(token())
