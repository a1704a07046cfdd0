"""Two groups at once took the same address, or the same locks the other way round: looked at again, it is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

_LOST = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_ATTEMPTS = 4
Result = TypeVar("Result")


def until_decided(transaction: Callable[[], Result]) -> Result:
    """Run a whole transaction, again when it lost a race: the second look sees what the winner committed."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return transaction()
        except _LOST:
            continue
    return transaction()
