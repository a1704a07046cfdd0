"""Nobody grants what they don't hold: whose holdings are asked for, and for whom nothing is even looked up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.held import carried_by_roles, carried_by_scopes, held_by_client, held_by_subject, held_by_user
from shared.identity.subjects import client_subject, is_client_subject
from shared.ids import new_id

ROWS = [("https://orders.example", "orders:read"), ("https://billing.example", "orders:read")]


def asked(steps, rows=ROWS):
    """The one statement, and what becomes of its rows."""
    statement = next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send(rows)
    return statement, done.value.value


def test_a_permission_of_the_same_name_at_another_api_is_another_one() -> None:
    assert asked(held_by_user(new_id()))[1] == frozenset(ROWS)


def test_a_token_of_somebody_who_was_disabled_holds_nothing_any_more() -> None:
    for subject in (str(new_id()), client_subject("machine")):
        assert asked(held_by_subject(subject))[0].parameters["statuses"] == ["active"]


def test_what_a_disabled_one_would_hold_again_counts_for_who_gives_it() -> None:
    assert "disabled" in asked(held_by_user(new_id()))[0].parameters["statuses"]
    assert "disabled" in asked(held_by_client("machine"))[0].parameters["statuses"]
    assert "erased" not in asked(held_by_user(new_id()))[0].parameters["statuses"]


@given(st.text().filter(lambda text: not is_client_subject(text)))
def test_a_subject_that_is_neither_holds_nothing_and_is_not_looked_up(subject: str) -> None:
    steps = held_by_subject(subject)
    with pytest.raises(StopIteration) as done:
        next(steps)
    assert done.value.value == frozenset()


@pytest.mark.parametrize("carried", [carried_by_roles, carried_by_scopes])
def test_the_same_names_are_asked_for_alike_whatever_their_order(carried) -> None:
    assert asked(carried(["b", "a"]))[0] == asked(carried(["a", "b"]))[0]
    assert asked(carried([]), [])[1] == frozenset()
