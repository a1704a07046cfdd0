"""RFC 6750 2.1: one token, in the header, or a challenge that says why not."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from resource_server import AccessToken, ChallengeError, Guard, InvalidTokenError, KeysUnavailableError

TOKEN = AccessToken("u", "c", frozenset(), frozenset({"users:read"}), frozenset(), None, "j", 1, {})


class Verifier:
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def verify(self, unverified_token: str) -> AccessToken:
        self.seen.append(unverified_token)
        if unverified_token == "good":
            return TOKEN
        raise KeysUnavailableError("canary") if unverified_token == "unsure" else InvalidTokenError("canary")


@pytest.fixture
def guard() -> Guard:
    return Guard(Verifier(), "api")


def request(*credentials: str, query: str = "") -> Request:
    headers = [(b"authorization", value.encode("latin-1")) for value in credentials]
    return Request({"type": "http", "headers": headers, "query_string": query.encode(), "method": "GET", "path": "/"})


async def refusal(guard: Guard, asked: Request) -> ChallengeError:
    with pytest.raises(ChallengeError) as caught:
        await guard.authenticate(asked)
    return caught.value


@pytest.mark.parametrize("header", ["Bearer good", "bearer good", "BEARER  good ", "BeArEr good"])
async def test_the_scheme_is_case_insensitive(guard: Guard, header: str) -> None:
    """RFC 9110 11.1."""
    assert await guard.authenticate(request(header)) is TOKEN


@pytest.mark.parametrize(
    "asked",
    [request(), request("Basic Zzp4"), request("DPoP good"), request("good")],
    ids=["none", "Basic", "DPoP", "no scheme"],
)
async def test_without_a_bearer_token_only_the_scheme_is_asked_for(guard: Guard, asked: Request) -> None:
    refused = await refusal(guard, asked)
    assert (refused.status, refused.error) == (401, None)
    assert guard.verifier.seen == []


async def test_a_token_in_the_query_is_never_looked_at(guard: Guard) -> None:
    """RFC 9700 4.3.2: access tokens MUST NOT be in the URI."""
    assert (await refusal(guard, request(query="access_token=good"))).status == 401
    assert guard.verifier.seen == []


@pytest.mark.parametrize("credentials", [("Bearer",), ("Bearer ",), ("Bearer good", "Bearer good")])
async def test_no_token_and_two_tokens_are_malformed_requests(guard: Guard, credentials: tuple[str, ...]) -> None:
    assert (await refusal(guard, request(*credentials))).status == 400


async def test_a_bad_token_is_refused_without_saying_what_is_wrong_with_it(guard: Guard) -> None:
    refused = await refusal(guard, request("Bearer bad"))
    assert (refused.status, refused.error) == (401, "invalid_token")
    assert "canary" not in f"{refused.description}{refused.challenge}"


async def test_while_keys_can_not_be_had_no_token_is_called_bad(guard: Guard) -> None:
    assert (await refusal(guard, request("Bearer unsure"))).status == 503


async def test_a_route_asks_for_its_permission(guard: Guard) -> None:
    assert await guard.require(permission="users:read")(request("Bearer good")) is TOKEN
    for permission in ("users:write", "users:rea", "users:read ", ""):
        with pytest.raises(ChallengeError) as caught:
            await guard.require(permission=permission)(request("Bearer good"))
        assert (caught.value.status, caught.value.error) == (403, "insufficient_scope")


@given(header=st.text(st.characters(max_codepoint=255), max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_header_is_answered(guard: Guard, header: str) -> None:
    try:
        token = await guard.authenticate(request(header))
    except ChallengeError:
        return
    assert token is TOKEN and header.rstrip().endswith("good")
