"""P9: each sender may do what policy allows it, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.commands import RejectionReason
from functions.provision_user.contradictions import ContradictionError
from functions.provision_user.policy import Policy, require_policy

NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4)


def refusal(check) -> RejectionReason:
    with pytest.raises(ContradictionError) as caught:
        check()
    assert not caught.value.is_parked
    return caught.value.reason


def test_a_stranger_is_let_through_nowhere() -> None:
    assert refusal(lambda: require_policy(None)) is RejectionReason.UNKNOWN_SENDER


def test_only_listed_commands_are_let_through() -> None:
    policy = Policy("s", ["user.create"], [], None)
    policy.require_command("user.create")
    for command in ("user.erase", "user", "user.create ", "USER.CREATE", "", "*"):
        assert refusal(lambda: policy.require_command(command)) is RejectionReason.NOT_ALLOWED  # noqa: B023


def test_an_empty_policy_allows_nothing() -> None:
    policy = Policy("s", [], [], None)
    assert refusal(lambda: policy.require_command("user.create")) is RejectionReason.NOT_ALLOWED
    assert refusal(lambda: policy.require_roles(["reader"])) is RejectionReason.ROLE_NOT_GRANTABLE
    policy.require_roles([])


@given(NAMES, NAMES)
def test_nobody_grants_what_they_do_not_hold(held: list[str], wanted: list[str]) -> None:
    policy = Policy("s", [], held, None)
    if set(wanted) <= set(held):
        policy.require_roles(wanted)
    else:
        assert refusal(lambda: policy.require_roles(wanted)) is RejectionReason.ROLE_NOT_GRANTABLE
