from __future__ import annotations

import re

import pytest

from events.commands import RejectionReason
from functions.provision_user import contradictions
from functions.provision_user.contradictions import ContradictionError


def documented() -> dict[str, str]:
    return dict(re.findall(r"^\| (\w+) +\| (rejected|parked) ", contradictions.__doc__ or "", re.MULTILINE))


def test_every_reason_has_its_answer_in_the_table() -> None:
    assert set(documented()) == {reason.value for reason in RejectionReason}


@pytest.mark.parametrize("reason", RejectionReason)
def test_the_answer_is_the_tables(reason: RejectionReason) -> None:
    expected = documented()[reason.value] == "parked"
    assert ContradictionError(reason, "field: what").is_parked is expected


@pytest.mark.parametrize(
    "reason", ["unknown_sender", "not_allowed", "role_not_grantable", "malformed_json", "too_large"]
)
def test_who_may_not_command_can_hold_nobody_up(reason: str) -> None:
    assert not ContradictionError(RejectionReason(reason), "x").is_parked
