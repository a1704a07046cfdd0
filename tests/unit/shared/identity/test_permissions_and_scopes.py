from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.permissions import effective_permissions, is_permission_name, is_role_name
from shared.identity.scopes import STANDARD_SCOPES, grantable_scopes, is_scope_name
from shared.identity.subjects import client_subject, is_client_subject, role_subject, sender_subject, user_subject

ROLES = {"reader": {"orders:read"}, "clerk": {"orders:read", "orders:write"}, "nobody": set()}
SCOPES = {"orders.read": {"orders:read"}, "orders.all": {"orders:read", "orders:write"}, "free": set()}


def test_permissions_are_those_of_all_held_roles() -> None:
    assert effective_permissions(["reader", "clerk", "gone"], ROLES) == {"orders:read", "orders:write"}
    assert effective_permissions([], ROLES) == frozenset()


def test_a_scope_needs_every_permission_that_it_carries() -> None:
    held = effective_permissions(["reader"], ROLES)
    assert grantable_scopes(["orders.read", "orders.all"], SCOPES, held) == ("orders.read",)


def test_scopes_keep_their_order_and_come_once() -> None:
    held = effective_permissions(["clerk"], ROLES)
    requested = ["orders.all", "openid", "orders.read", "openid"]
    assert grantable_scopes(requested, SCOPES, held) == ("orders.all", "openid", "orders.read")


def test_a_scope_that_does_not_exist_is_nobodys() -> None:
    assert grantable_scopes(["orders.delete"], SCOPES, {"orders:read"}) == ()


@given(
    st.lists(st.sampled_from([*SCOPES, *STANDARD_SCOPES, "gone"])),
    st.sets(st.sampled_from(["orders:read", "orders:write"])),
)
def test_more_permissions_never_give_fewer_scopes(requested: list[str], held: set[str]) -> None:
    fewer, more = grantable_scopes(requested, SCOPES, held), grantable_scopes(requested, SCOPES, held | {"orders:read"})
    assert set(fewer) <= set(more) <= set(requested)


@pytest.mark.parametrize("name", ["orders:read", "a:b", "order-lines:read_all", "v1.orders:read"])
def test_permissions_are_named_resource_and_action(name: str) -> None:
    assert is_permission_name(name)


@pytest.mark.parametrize(
    "name", ["", "orders", "orders:", ":read", "Orders:read", "orders:read:all", "orders: read", "orders:read\n", "ö:r"]
)
def test_other_names_are_no_permissions(name: str) -> None:
    assert not is_permission_name(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("orders-reader", True), ("a", True), ("1a", False), ("A", False), ("a b", False), ("a\n", False)],
)
def test_roles_are_named_as_commands_can_name_them(name: str, expected: bool) -> None:
    assert is_role_name(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("orders.read", True), ("https://x/y", True), ("openid", False), ("a b", False), ('a"b', False), ("", False)],
)
def test_scopes_are_named_by_rfc_6749_and_no_standard_one_is_redefined(name: str, expected: bool) -> None:
    assert is_scope_name(name) is expected


@given(st.text(), st.uuids())
def test_no_clients_subject_is_a_users(client_id: str, user_id: UUID) -> None:
    assert client_subject(client_id) != user_subject(user_id)
    assert is_client_subject(client_subject(client_id)) and not is_client_subject(user_subject(user_id))
    assert len({client_subject(client_id), sender_subject(client_id), role_subject(client_id)}) == 3
