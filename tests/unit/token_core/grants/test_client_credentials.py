"""RFC 6749 4.4."""

from __future__ import annotations

import json

import pytest

from tests.unit.token_core.world import BILLING, ORDERS, PAY, READ, World, a_client, a_request, claims_of, payload_of
from token_core.audit import AuditUnavailable
from token_core.authority import Held
from token_core.errors import InvalidScope, OAuthError, UnauthorizedClient
from token_core.grants.client_credentials import GRANT_TYPE, handle

MACHINE = a_client("machine", allowed_scopes=("orders.read", "openid", "offline_access"))


async def ask(world: World, client=MACHINE, **parameters: str) -> dict:
    return json.loads(await handle(a_request(GRANT_TYPE, client, **parameters), world.services))


async def refusal(kind: type[OAuthError], client=MACHINE, **parameters: str) -> str:
    world = World()
    with pytest.raises(kind) as caught:
        await ask(world, client, **parameters)
    assert world.events == []
    return caught.value.detail


async def test_a_machine_gets_a_token_for_itself() -> None:
    body = await ask(World(), scope="orders.read")
    claims = claims_of(body["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("client:machine", "machine", ORDERS)
    assert claims["permissions"] == ["orders:read"] and claims["roles"] == ["clerk"]


async def test_no_refresh_token_is_issued() -> None:
    """RFC 6749 4.4.3: a refresh token SHOULD NOT be included."""
    assert set(await ask(World())) == {"access_token", "token_type", "expires_in", "scope"}


async def test_no_person_is_claimed() -> None:
    claims = claims_of((await ask(World()))["access_token"])
    assert not {"auth_time", "amr", "acr", "sid", "grant_id"} & set(claims)


async def test_a_public_client_must_not_use_it() -> None:
    """RFC 6749 4.4: MUST only be used by confidential clients."""
    assert await refusal(UnauthorizedClient, a_client("spa", client_type="public")) == "public_client"


async def test_the_event_is_durable_before_the_token_leaves() -> None:
    """P1."""
    world = World()
    body = await ask(world)
    (event,) = world.events
    assert payload_of(event)["jti"] == claims_of(body["access_token"])["jti"]
    with pytest.raises(AuditUnavailable):
        await ask(World(fails=AuditUnavailable()))


async def test_without_scope_it_gets_what_it_is_registered_for_and_holds() -> None:
    assert (await ask(World()))["scope"] == "orders.read"


@pytest.mark.parametrize("scope", ["openid", "orders.read openid", "orders.write", "orders.read orders.write", "gone"])
async def test_a_scope_for_people_unregistered_or_not_held_is_never_dropped_in_silence(scope: str) -> None:
    assert await refusal(InvalidScope, scope=scope) == "scope_not_held"


async def test_a_machine_that_holds_nothing_gets_nothing() -> None:
    assert await refusal(InvalidScope, a_client("machine", held=Held())) == "scope_not_held"


async def test_scopes_of_two_apis_are_two_tokens() -> None:
    client = a_client("machine", held=Held((), frozenset({READ, PAY})))
    await refusal(InvalidScope, client, scope="orders.read billing.pay")
    assert claims_of((await ask(World(), client, scope="billing.pay"))["access_token"])["aud"] == BILLING
