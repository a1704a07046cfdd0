"""SQL of "sign everybody out": what was made before the platform's not-before counts no more.

A condition on the id that says when a thing was made (UUIDv7), so that no million rows have to be written to end them.
"""

from __future__ import annotations


def is_after_not_before(identifier: str) -> str:
    """A condition for a statement's WHERE. `identifier`: an SQL expression of ours, never of a request."""
    return (
        "NOT EXISTS (SELECT 1 FROM platform_instants"  # noqa: S608 - an expression of ours
        f" WHERE name = 'not_before' AND {identifier} < uuid7_floor(instant))"
    )
