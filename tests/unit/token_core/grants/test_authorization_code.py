"""RFC 6749 4.1.3, RFC 7636 4.6, RFC 9700 2.1.1, OpenID Connect Core 3.1.3."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.token_core.world import (
    ADA,
    ISSUER,
    NOW,
    ORDERS,
    REDIRECT_URI,
    VERIFIER,
    World,
    a_client,
    a_request,
    claims_of,
    payload_of,
)
from token_core.authority import Held
from token_core.errors import InvalidGrant, InvalidRequest, OAuthError
from token_core.grants.authorization_code import GRANT_TYPE, handle
from token_core.tokens.authorization_code import make_code
from token_core.tokens.id_token import half_hash

WEB = a_client()
GOOD = {"redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}


async def exchange(world: World, code: str | None, client=WEB, now=NOW, **parameters: str | None) -> dict:
    given = {**GOOD, **parameters} | ({} if code is None else {"code": code})
    request = a_request(GRANT_TYPE, client, now, **{name: value for name, value in given.items() if value is not None})
    return json.loads(await handle(request, world.services))


async def refusal(world: World, code: str | None, kind: type[OAuthError] = InvalidGrant, **named) -> str:
    with pytest.raises(kind) as caught:
        await exchange(world, code, **named)
    return caught.value.detail


async def test_a_code_becomes_tokens_of_the_person_who_signed_in() -> None:
    world = World()
    code = world.issue_code(WEB)
    body = await exchange(world, code)
    access, identity = claims_of(body["access_token"]), claims_of(body["id_token"])
    assert (access["sub"], access["aud"], access["scope"]) == (
        str(ADA),
        [ORDERS, ISSUER],
        "openid offline_access orders.read",
    )
    assert access["sid"] == identity["sid"] == str(world.codes[code].session_id)
    assert (identity["aud"], identity["nonce"], identity["auth_time"]) == (
        "web",
        "n-0S6_WzA2Mj",
        world.codes[code].auth_time,
    )
    assert identity["at_hash"] == half_hash(body["access_token"])
    assert body["refresh_token"].startswith("ap_rt_")


async def test_a_code_must_not_be_used_more_than_once() -> None:
    """RFC 6749 4.1.2: deny the request, and SHOULD revoke all tokens previously issued on it."""
    world = World()
    code = world.issue_code(WEB)
    first = await exchange(world, code)
    assert await refusal(world, code) == "code_reused"
    (revoked,) = world.revoked
    assert str(revoked.jti) == claims_of(first["access_token"])["jti"] and revoked.family_id is not None
    assert world.events[-1].type == "authorization_code.reused"
    assert code not in world.events[-1].to_json()


async def test_a_code_is_spent_also_when_redis_forgot_it() -> None:
    world = World()
    code = world.issue_code(WEB)
    await exchange(world, code)
    world.codes.clear()
    assert await refusal(world, code) == "code_reused"


async def test_another_client_can_not_revoke_by_guessing_at_a_spent_code() -> None:
    world = World()
    code = world.issue_code(WEB)
    await exchange(world, code)
    world.codes.clear()
    assert await refusal(world, code, client=a_client("other")) == "unknown_code"
    assert world.revoked == []


async def test_of_many_uses_at_once_one_gets_tokens() -> None:
    world = World()
    code = world.issue_code(WEB)
    answers = await asyncio.gather(*(exchange(world, code) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, dict) for answer in answers) == 1


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"client": a_client("other")}, "code_of_another_client"),
        ({"redirect_uri": None}, "redirect_uri_differs"),
        ({"redirect_uri": REDIRECT_URI + "/"}, "redirect_uri_differs"),
        ({"redirect_uri": REDIRECT_URI.upper()}, "redirect_uri_differs"),
        ({"code_verifier": None}, "pkce_failed"),
        ({"code_verifier": "A" * 43}, "pkce_failed"),
        ({"code_verifier": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "pkce_failed"),
        ({"now": NOW + timedelta(seconds=61)}, "code_expired"),
    ],
)
async def test_a_code_is_good_for_its_client_address_proof_and_minute_only(change, detail) -> None:
    world = World()
    code = world.issue_code(WEB)
    assert await refusal(world, code, **change) == detail
    assert world.events == [] and world.spent == {}


async def test_a_failed_try_spends_nothing() -> None:
    world = World()
    code = world.issue_code(WEB)
    await refusal(world, code, code_verifier="A" * 43)
    assert "access_token" in await exchange(world, code)


async def test_a_verifier_for_a_code_without_challenge_is_a_downgrade() -> None:
    """RFC 9700 2.1.1: MUST mitigate PKCE downgrade."""
    world = World()
    assert await refusal(world, world.issue_code(WEB, code_challenge=None)) == "pkce_failed"
    assert await exchange(world, world.issue_code(WEB, code_challenge=None), code_verifier=None)


@pytest.mark.parametrize(
    "code", ["", "x", "ap_ac_", "ap_ac_" + "A" * 53, "ap_ac_" + "_" * 54, "ap_rt_" + "A" * 54, "\u00e9"]
)
async def test_what_never_was_a_code_is_an_invalid_grant(code: str) -> None:
    assert await refusal(World(), code) == "malformed_code"


async def test_a_code_that_nobody_issued_is_unknown() -> None:
    assert await refusal(World(), make_code(NOW)) == "unknown_code"


async def test_a_request_without_a_code_is_malformed() -> None:
    assert await refusal(World(), None, InvalidRequest) == "no_code"


async def test_a_person_who_was_disabled_meanwhile_gets_nothing() -> None:
    world = World(users={})
    assert await refusal(world, world.issue_code(WEB)) == "user_inactive"


async def test_a_session_that_ended_meanwhile_gives_nothing() -> None:
    world = World(is_session_over=True)
    assert await refusal(world, world.issue_code(WEB)) == "code_or_session_over"
    assert world.events == []


async def test_a_role_taken_away_meanwhile_takes_its_scopes_away() -> None:
    world = World(users={ADA: Held()})
    assert (await exchange(world, world.issue_code(WEB)))["scope"] == "openid offline_access"
    assert await refusal(world, world.issue_code(WEB, scopes=("orders.read",))) == "nothing_granted"


@pytest.mark.parametrize(
    ("scopes", "grant_types", "has_refresh"),
    [
        (("openid", "offline_access"), {"authorization_code", "refresh_token"}, True),
        (("openid",), {"authorization_code", "refresh_token"}, False),
        (("openid", "offline_access"), {"authorization_code"}, False),
    ],
)
async def test_a_refresh_token_needs_the_scope_and_the_registration(scopes, grant_types, has_refresh) -> None:
    world, client = World(), replace(WEB, grant_types=frozenset(grant_types))
    body = await exchange(world, world.issue_code(client, scopes=scopes), client)
    assert ("refresh_token" in body) is has_refresh


async def test_the_event_is_written_with_the_claim_and_holds_no_code_and_no_token() -> None:
    world = World()
    code = world.issue_code(WEB)
    body = await exchange(world, code)
    (event,) = world.events
    assert payload_of(event)["jti"] == claims_of(body["access_token"])["jti"] and payload_of(event)["generation"] == 1
    for secret in (code, body["access_token"], body["refresh_token"], body["id_token"], VERIFIER):
        assert secret not in event.to_json()
