"""Verifying by asking the issuer (RFC 7662)."""

from __future__ import annotations

from base64 import b64decode

import pytest

from resource_server import IntrospectingVerifier, InvalidTokenError, KeysUnavailableError

ISSUER, AUDIENCE = "https://id.example.com", "https://orders.example.com"
GOOD = {
    "active": True, "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "client_id": "web", "jti": "j-1", "exp": 2_000_000_000,
    "scope": "orders:read", "permissions": ["orders:read"],
}  # fmt: skip


def verifier(answer, status=200, seen=None):
    async def post(url, form, headers):
        if seen is not None:
            seen.append((url, form, headers))
        return status, answer

    return IntrospectingVerifier(ISSUER, AUDIENCE, f"{ISSUER}/oauth2/introspect", "orders:api", "s c&ret", post=post)


async def test_what_the_issuer_calls_active_is_a_token_with_its_claims():
    seen = []
    token = await verifier(GOOD, seen=seen).verify("t-1")
    assert (token.subject, token.scopes, token.permissions) == ("user-1", {"orders:read"}, {"orders:read"})
    (url, form, headers) = seen[0]
    assert (url, form["token"]) == (f"{ISSUER}/oauth2/introspect", "t-1")
    assert b64decode(headers["authorization"].removeprefix("Basic ")).decode() == "orders%3Aapi:s+c%26ret"


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"aud": "https://other.example.com"},
        {"aud": None},
        {"iss": "https://evil.example.com"},
        {"sub": None},
        {"jti": 7},
        {"exp": "soon"},
        {"permissions": "orders:read"},
        {"token_type": "DPoP"},
    ],
)
async def test_what_is_not_active_or_not_for_this_api_is_refused(change):
    with pytest.raises(InvalidTokenError):
        await verifier(GOOD | change).verify("t-1")


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"error": "invalid_client"}, 401), ({}, 200), ([], 200), (GOOD, 503), ({"active": "yes"}, 200)],
)
async def test_cannot_tell_is_never_no(answer, status):
    with pytest.raises(KeysUnavailableError):
        await verifier(answer, status).verify("t-1")


async def test_an_issuer_that_is_not_there_cannot_tell():
    nowhere = IntrospectingVerifier(ISSUER, AUDIENCE, "http://127.0.0.1:1/oauth2/introspect", "orders", "secret")
    with pytest.raises(KeysUnavailableError):
        await nowhere.verify("t-1")


async def test_what_is_too_long_is_not_even_asked():
    seen = []
    with pytest.raises(InvalidTokenError):
        await verifier(GOOD, seen=seen).verify("x" * 20_000)
    assert seen == []


def test_the_secret_is_in_no_representation():
    assert "s c&ret" not in repr(verifier(GOOD))
