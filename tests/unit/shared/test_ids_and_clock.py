from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.clock import monotonic_seconds, rfc3339, unix_now, utc_now
from shared.ids import made_at, new_id


def test_an_id_is_a_uuid7_that_tells_when_it_was_made() -> None:
    before = utc_now() - timedelta(milliseconds=1)
    identifier = new_id()
    assert identifier.version == 7 and identifier.variant == "specified in RFC 4122"
    assert before <= made_at(identifier) <= utc_now() + timedelta(seconds=1)


def test_ids_sort_by_their_making() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made) and len(set(made)) == 1000


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-5))])
def test_a_time_is_written_in_utc_with_microseconds(zone: timezone) -> None:
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC).astimezone(zone)) == "2026-01-02T03:04:05.000006Z"


def test_the_clocks_agree() -> None:
    assert abs(unix_now() - utc_now().timestamp()) < 2
    assert monotonic_seconds() <= monotonic_seconds()
