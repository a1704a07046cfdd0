"""What may be granted: what was asked, of what the client may have, of what the subject holds; for one API (RFC 9068)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id
from tests.unit.token_core.world import (
    ADA,
    ALL_SCOPES,
    BILLING,
    CATALOG,
    CLERK,
    ISSUER,
    NOW,
    ORDERS,
    PAY,
    READ,
    WRITE,
    World,
    a_client,
    a_request,
    claims_of,
    payload_of,
)
from token_core.authority import Held
from token_core.errors import InvalidScope
from token_core.grants.steps import (
    Grantable,
    grantable,
    issued_event,
    mint_access_token,
    mint_id_token,
    token_response,
)
from token_core.tokens.access_token import Authentication

SIGNED_IN = Authentication(new_id(), 1, ("pwd",), None)


def granted(scopes, client=None, held=CLERK) -> Grantable:
    return grantable(scopes, client or a_client(), held, CATALOG, ISSUER)


def test_scopes_of_several_apis_are_refused() -> None:
    """RFC 9068 section 3: a token that could be used at the other API is never made."""
    with pytest.raises(InvalidScope):
        granted(["orders.read", "billing.pay"], held=Held((), frozenset({READ, PAY})))


@pytest.mark.parametrize(
    ("scopes", "audience"),
    [
        (["orders.read"], (ORDERS,)), (["openid", "orders.read"], (ORDERS, ISSUER)), (["openid"], (ISSUER,)),
        (["orders.read", "offline_access"], (ORDERS,)), ([], (ISSUER,)),
    ],
)  # fmt: skip
def test_the_audience_follows_from_what_is_granted(scopes, audience) -> None:
    assert granted(scopes).audience == audience


def test_permissions_are_those_that_the_granted_scopes_carry_and_no_others_that_are_held() -> None:
    assert granted(["orders.read"]).permissions == ("orders:read",)
    assert granted(["orders.write"]).permissions == ("orders:read", "orders:write")
    assert granted(["openid"]).permissions == ()


def test_what_is_asked_of_an_api_that_is_not_granted_names_no_audience() -> None:
    assert granted(["orders.read", "billing.pay"]).audience == (ORDERS,)
    assert BILLING not in granted(["billing.pay"]).audience


@given(
    st.lists(st.sampled_from([*ALL_SCOPES[:6], "gone"]), max_size=7),
    st.sets(st.sampled_from(ALL_SCOPES)),
    st.sets(st.sampled_from([READ, WRITE])),
)
def test_nobody_gets_more_than_was_asked_is_registered_and_is_held(asked, registered, held) -> None:
    made = granted(asked, a_client(allowed_scopes=tuple(registered)), Held((), frozenset(held)))
    assert set(made.scopes) <= set(asked) & registered
    names = {CATALOG.permission_names[identifier] for identifier in held}
    assert set(made.permissions) <= names


def test_an_id_token_is_made_for_openid_only() -> None:
    """OpenID Connect Core 3.1.2.1: without openid the behaviour is not OpenID Connect's."""
    services, request = World().services, a_request("authorization_code", a_client())
    for scopes, has_id_token in ((("openid",), True), (("orders.read",), False)):
        minted = mint_access_token(request, services, granted(scopes), subject=str(ADA), held=CLERK)
        made = mint_id_token(request, services, minted, subject=str(ADA), authentication=SIGNED_IN, nonce=None)
        assert (made is not None) is has_id_token


def test_the_event_tells_of_the_very_token_and_never_holds_it() -> None:
    request = a_request("authorization_code", a_client())
    minted = mint_access_token(request, World().services, granted(["orders.read"]), subject=str(ADA), held=CLERK)
    event, claims = issued_event(request, minted, subject=str(ADA)), claims_of(minted.token)
    payload = payload_of(event)
    assert (payload["jti"], payload["expires_at"], payload["scope"]) == (claims["jti"], claims["exp"], claims["scope"])
    assert (event.subject, event.actor, event.request_id) == (str(ADA), "client:web", "request-1")
    assert minted.token not in event.to_json() and "eyJ" not in event.to_json()


def test_the_response_is_of_rfc_6749_5_1() -> None:
    request = a_request("client_credentials", a_client())
    minted = mint_access_token(request, World().services, granted(["orders.read"]), subject="client:web", held=CLERK)
    answer = token_response(minted, 300)
    body = json.loads(answer)
    assert body == {"access_token": minted.token, "token_type": "Bearer", "expires_in": 300, "scope": "orders.read"}
    assert claims_of(minted.token)["exp"] - int(NOW.timestamp()) == 300
    assert answer.startswith(b'{"access_token":"')


def test_what_was_worked_out_before_a_change_is_not_remembered_after_it() -> None:
    """Whatever changes makes another client, holder or catalog (authority.py): each gives its own answer."""
    asked = ["orders.read", "orders.write"]
    assert granted(asked).permissions == ("orders:read", "orders:write")
    assert granted(asked) is granted(tuple(asked))
    assert granted(asked, held=Held(("clerk",), frozenset({READ}))).scopes == ("orders.read",)
    assert granted(asked, a_client(allowed_scopes=("orders.write",))).scopes == ("orders.write",)
    fewer = replace(CATALOG, scopes={}, permissions_of_scope={}, derived={})
    assert grantable(asked, a_client(), CLERK, fewer, ISSUER).scopes == ()
