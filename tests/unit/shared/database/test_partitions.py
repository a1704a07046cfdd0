"""Months and names. What Postgres does with them: tests/storage/test_partitions.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.database.base import PARTITIONED
from shared.database.partitions import Month, is_partition

MONTHS = st.builds(Month, st.integers(1970, 9000), st.integers(1, 12))


@given(MONTHS, st.integers(0, 500))
def test_months_are_counted_without_gap_or_overlap(month: Month, ahead: int) -> None:
    assert month.end == month.plus(1).start
    assert month.plus(ahead).order() == month.order() + ahead
    assert Month.of(month.end - timedelta(microseconds=1)) == month


def test_a_months_are_of_utc() -> None:
    assert Month.of(datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == Month(2026, 12)


def test_partitions_sort_by_name_as_by_time() -> None:
    months = [Month(2026, 1).plus(ahead) for ahead in range(30)]
    names = [month.partition_of("outbox") for month in months]
    assert names == sorted(names) and names[0] == "outbox_p202601"


@pytest.mark.parametrize("table", PARTITIONED)
def test_what_was_made_here_is_known_by_its_name(table: str) -> None:
    assert is_partition(Month.of(datetime(2026, 11, 1, tzinfo=UTC)).partition_of(table))
    assert is_partition(f"{table}_default")
    assert not is_partition(table)


@pytest.mark.parametrize("table", ["users", "users_p202601", "outbox_archive", "my_outbox_default", "outbox_p2026"])
def test_no_other_table_is_taken_for_a_partition(table: str) -> None:
    assert not is_partition(table)
