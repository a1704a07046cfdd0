"""Places in the stream. What is read, put aside and trimmed: tests/flows/test_relay_stream.py, on a real Redis."""

from __future__ import annotations

import pytest

from audit_relay.redis_stream import BEGINNING, successor


@pytest.mark.parametrize(
    ("entry_id", "after"),
    [(BEGINNING, "0-1"), ("1790000000000-0", "1790000000000-1"), ("1790000000000-9", "1790000000000-10")],
)
def test_what_is_kept_begins_right_after_what_is_sealed(entry_id: str, after: str) -> None:
    assert successor(entry_id) == after
