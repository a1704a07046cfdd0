from __future__ import annotations

import psycopg
import pytest

from functions.provision_user.races import until_decided


@pytest.mark.parametrize("lost", ["UniqueViolation", "DeadlockDetected", "SerializationFailure"])
def test_who_lost_a_race_looks_again(lost: str) -> None:
    failures = [getattr(psycopg.errors, lost)(), getattr(psycopg.errors, lost)()]

    def transaction() -> str:
        if failures:
            raise failures.pop()
        return "decided"

    assert until_decided(transaction) == "decided"
    assert failures == []


def test_a_race_that_is_lost_every_time_goes_back_to_the_queue() -> None:
    tries = []

    def transaction() -> None:
        tries.append(1)
        raise psycopg.errors.UniqueViolation

    with pytest.raises(psycopg.errors.UniqueViolation):
        until_decided(transaction)
    assert len(tries) == 4


def test_what_is_no_race_is_not_tried_again() -> None:
    tries = []

    def transaction() -> None:
        tries.append(1)
        raise psycopg.errors.NotNullViolation

    with pytest.raises(psycopg.errors.NotNullViolation):
        until_decided(transaction)
    assert len(tries) == 1
