"""RFC 7517: the issuer's keys, kept in memory."""

from __future__ import annotations

import asyncio
import json

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from resource_server.jwks import MAX_KEYS, JwksCache, KeysUnavailableError, fetch_json

JWK = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))


def key(kid: str, **changes: object) -> dict[str, object]:
    return {**JWK, "kid": kid, "use": "sig", "alg": "ES256", **changes}


class Issuer:
    def __init__(self, document: object) -> None:
        self.document, self.fetches, self.seconds = document, 0, 0.0

    async def __call__(self, _: str) -> object:
        self.fetches += 1
        await asyncio.sleep(0)
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


def cache(issuer: Issuer) -> JwksCache:
    return JwksCache("https://id.example.com/jwks", fetch=issuer, now=lambda: issuer.seconds)


async def test_keys_that_are_not_understood_are_ignored() -> None:
    """RFC 7517 section 5."""
    keys = [
        key("a"), {"kty": "OCT"}, {"kty": "new", "kid": "n"}, key("e", use="enc"), {**JWK, "use": "sig"}, key("b", crv="P-0"),
        "text", None, 7, key(7), key("x", x="!"),
    ]  # fmt: skip
    known = cache(Issuer({"keys": keys}))
    assert [kid for kid in ("a", "n", "e", "b", "x") if await known.key(kid) is not None] == ["a"]


async def test_a_flood_of_keys_is_cut_off() -> None:
    known = cache(Issuer({"keys": [key(str(number)) for number in range(MAX_KEYS + 5)]}))
    assert await known.key("0") is not None and await known.key(str(MAX_KEYS)) is None


@pytest.mark.parametrize("document", [None, [], "x", 7, {}, {"keys": None}, {"keys": {}}])
async def test_what_is_no_jwk_set_is_no_answer(document: object) -> None:
    with pytest.raises(KeysUnavailableError):
        await cache(Issuer(document)).key("a")


async def test_a_broken_answer_does_not_replace_the_keys_that_are_known() -> None:
    issuer = Issuer({"keys": [key("a")]})
    known = cache(issuer)
    await known.key("a")
    issuer.document, issuer.seconds = {"keys": "gone"}, 1_000.0
    assert await known.key("a") is not None


async def test_many_at_once_are_one_fetch() -> None:
    issuer = Issuer({"keys": [key("a")]})
    known = cache(issuer)
    assert None not in await asyncio.gather(*(known.key("a") for _ in range(50)))
    assert issuer.fetches == 1


async def test_an_issuer_that_is_down_is_not_asked_again_by_each_request() -> None:
    issuer = Issuer(KeysUnavailableError("down"))
    known = cache(issuer)
    for _ in range(20):
        with pytest.raises(KeysUnavailableError):
            await known.key("a")
    assert issuer.fetches == 1 and not await known.is_available()
    issuer.document, issuer.seconds = {"keys": [key("a")]}, 10.0
    assert await known.key("a") is not None and await known.is_available()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"keys": []}), httpx.Response(200, text="<html>"),
        httpx.Response(302, headers={"location": "https://elsewhere.example/jwks"}),
    ],
    ids=lambda answer: str(answer.status_code),
)  # fmt: skip
async def test_only_a_json_answer_of_the_issuer_itself_counts(monkeypatch, answer) -> None:
    asked = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return answer

    client = httpx.AsyncClient
    monkeypatch.setattr(
        httpx, "AsyncClient", lambda **options: client(transport=httpx.MockTransport(respond), **options)
    )
    with pytest.raises(KeysUnavailableError):
        await fetch_json("https://id.example.com/jwks")
    assert asked == ["https://id.example.com/jwks"]
