"""RFC 6749 6, RFC 9700 4.14.2, P6."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.token_core.world import ADA, NOW, World, a_client, a_request, claims_of, payload_of
from token_core.authority import Held
from token_core.errors import InvalidGrant, InvalidRequest, InvalidScope, OAuthError
from token_core.grants.refresh_token import GRANT_TYPE, handle
from token_core.tokens.refresh_token import make_refresh_token

WEB = a_client()


async def raw(world: World, token: str | None, client=WEB, now=NOW, **parameters: str) -> bytes:
    given = parameters if token is None else {**parameters, "refresh_token": token}
    return await handle(a_request(GRANT_TYPE, client, now, **given), world.services)


async def refresh(world: World, token: str, **named) -> dict:
    return json.loads(await raw(world, token, **named))


async def refusal(world: World, token: str | None, kind: type[OAuthError] = InvalidGrant, **named) -> str:
    with pytest.raises(kind) as caught:
        await raw(world, token, **named)
    return caught.value.detail


async def test_a_refresh_token_is_exchanged_for_its_successor() -> None:
    world = World()
    spent = world.begin_family(WEB)
    body = await refresh(world, spent.text)
    assert body["refresh_token"] != spent.text
    assert world.families[spent.family_id].generation == 2
    assert "access_token" in await refresh(world, body["refresh_token"])


async def test_the_same_token_gets_the_same_answer_until_the_successor_is_used() -> None:
    world = World()
    spent = world.begin_family(WEB)
    first = await raw(world, spent.text)
    assert await raw(world, spent.text) == first
    assert len(world.events) == 1
    await raw(world, json.loads(first)["refresh_token"])
    assert await refusal(world, spent.text) == "refresh_token_reused"


async def test_reused_refresh_token_revokes_the_family() -> None:
    """RFC 9700 4.14.2: the authorization server cannot determine which party; it revokes the active token."""
    world = World()
    spent = world.begin_family(WEB)
    successor = (await refresh(world, spent.text))["refresh_token"]
    latest = (await refresh(world, successor))["refresh_token"]
    assert await refusal(world, spent.text) == "refresh_token_reused"
    assert world.events[-1].type == "refresh_token.reused" and payload_of(world.events[-1])["generation"] == 1
    assert await refusal(world, latest) == "refresh_token_revoked"


@pytest.mark.parametrize(
    "change",
    [{"now": NOW + timedelta(seconds=61)}, {"scope": "openid"}, {"x-unknown": "1"}],
)
async def test_after_its_time_or_with_other_parameters_the_same_token_is_reuse(change) -> None:
    world = World()
    spent = world.begin_family(WEB)
    await raw(world, spent.text)
    assert await refusal(world, spent.text, **change) == "refresh_token_reused"


async def test_how_the_client_authenticates_is_no_part_of_the_question() -> None:
    world = World()
    spent = world.begin_family(WEB)
    assert await raw(world, spent.text) == await raw(world, spent.text, client_id="web", client_secret="s")


async def test_another_client_learns_nothing_and_harms_nothing() -> None:
    """RFC 6749 10.4: refresh tokens are bound to the client."""
    world = World()
    spent = world.begin_family(WEB)
    assert await refusal(world, spent.text, client=a_client("other")) == "unknown_refresh_token"
    await raw(world, spent.text)
    assert await refusal(world, spent.text, client=a_client("other")) == "unknown_refresh_token"
    assert world.families[spent.family_id].revoked_at is None


async def test_of_many_uses_at_once_one_rotates_and_all_get_its_answer() -> None:
    world = World()
    spent = world.begin_family(WEB)
    answers = await asyncio.gather(*(raw(world, spent.text) for _ in range(50)))
    assert len(set(answers)) == 1 and world.families[spent.family_id].generation == 2


async def test_a_forged_token_has_no_effect() -> None:
    world = World()
    spent = world.begin_family(WEB)
    forged = make_refresh_token(b"x" * 32, spent.family_id, 1)
    assert await refusal(world, forged.text) == "unknown_refresh_token"
    assert await refusal(world, spent.text[:-1] + ("A" if spent.text[-1] != "A" else "B")) == "unknown_refresh_token"
    assert world.families[spent.family_id].revoked_at is None and world.events == []


async def test_the_same_bytes_in_another_alphabet_are_not_taken_for_reuse() -> None:
    world = World()
    while not set((spent := world.begin_family(WEB)).text[6:]) & set("-_"):
        pass
    other = spent.text[:6] + spent.text[6:].replace("-", "+").replace("_", "/")
    assert await refusal(world, other) == "unknown_refresh_token"
    assert world.families[spent.family_id].revoked_at is None


async def test_no_token_is_a_malformed_request() -> None:
    assert await refusal(World(), None, InvalidRequest) == "no_refresh_token"


async def test_scope_must_not_exceed_what_was_granted_at_first() -> None:
    """RFC 6749 6: MUST NOT include any scope not originally granted."""
    world = World()
    spent = world.begin_family(WEB)
    for scope in ("billing.pay", "orders.read email", "gone"):
        assert await refusal(world, spent.text, InvalidScope, scope=scope) == "scope_not_granted"
    assert world.families[spent.family_id].generation == 1


async def test_a_narrower_scope_is_for_this_token_alone() -> None:
    """RFC 6749 6: the refresh token scope MUST be identical to that in the request's refresh token."""
    world = World()
    body = await refresh(world, world.begin_family(WEB).text, scope="orders.read")
    assert body["scope"] == "orders.read" and "id_token" not in body
    assert "orders.write" in (await refresh(world, body["refresh_token"]))["scope"]


@pytest.mark.parametrize(
    "change",
    [{"idle_expires_at": NOW}, {"expires_at": NOW}, {"expires_at": NOW - timedelta(days=1)}],
)
async def test_an_expired_family_gives_nothing(change) -> None:
    world = World()
    assert await refusal(world, world.begin_family(WEB, **change).text) == "refresh_token_expired"


async def test_the_successor_never_outlives_the_family() -> None:
    world = World()
    spent = world.begin_family(WEB)
    ends = world.families[spent.family_id].expires_at
    await raw(world, spent.text)
    assert world.families[spent.family_id].expires_at == ends


async def test_a_revoked_family_or_a_disabled_person_gives_nothing() -> None:
    world = World()
    assert await refusal(world, world.begin_family(WEB, revoked_at=NOW).text) == "refresh_token_revoked"
    world.users.clear()
    assert await refusal(world, world.begin_family(WEB).text) == "user_inactive"


async def test_a_role_taken_away_is_gone_at_the_next_refresh() -> None:
    world = World(users={ADA: Held()})
    body = await refresh(world, world.begin_family(WEB).text)
    assert body["scope"] == "openid offline_access" and claims_of(body["access_token"])["permissions"] == []


async def test_an_id_token_of_a_refresh_keeps_the_sign_in_and_has_no_nonce() -> None:
    """OpenID Connect Core 12.2: auth_time MUST be the original authentication's; no nonce."""
    world = World()
    spent = world.begin_family(WEB)
    later = NOW + timedelta(minutes=30)
    identity = claims_of((await refresh(world, spent.text, now=later))["id_token"])
    assert identity["auth_time"] == int(NOW.timestamp()) and identity["iat"] == int(later.timestamp())
    assert identity["sub"] == str(ADA) and "nonce" not in identity


async def test_the_stored_answer_holds_no_token_in_the_clear() -> None:
    world = World()
    spent = world.begin_family(WEB)
    body = await refresh(world, spent.text)
    stored = world.families[spent.family_id].answer
    for secret in (spent.text, body["refresh_token"], body["access_token"]):
        assert secret.encode() not in stored and secret not in world.events[-1].to_json()


async def test_who_lacks_the_spent_token_can_not_open_its_answer() -> None:
    world = World()
    spent = world.begin_family(WEB)
    await raw(world, spent.text)
    family = world.families[spent.family_id]
    genuine = make_refresh_token(b"r" * 32, spent.family_id, 1)
    world.families[spent.family_id] = replace(family, previous_hash=genuine.hash)
    assert await refusal(world, genuine.text) == "refresh_token_reused"
