from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lake import ForeignObjectError, raw_key, segment_of

SEGMENT = "01a20048-1e00-7080-9a4c-7abc12cddc96"
SEALED = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)


def test_a_segments_object_is_named_by_hour_and_segment() -> None:
    assert raw_key("lake/", SEGMENT, SEALED) == (f"lake/raw/sealed_date=2026-11-21/sealed_hour=23/{SEGMENT}.parquet")


def test_the_partition_is_of_utc_whatever_zone_the_time_came_in() -> None:
    elsewhere = SEALED.astimezone(timezone(timedelta(hours=5)))
    assert raw_key("", SEGMENT, elsewhere) == raw_key("", SEGMENT, SEALED)


@given(st.uuids(), st.datetimes(datetime(2000, 1, 1), datetime(2199, 1, 1)), st.sampled_from(["", "a/", "a/raw/"]))  # noqa: DTZ001
def test_the_name_tells_the_segment(segment, instant, prefix) -> None:
    assert segment_of(prefix, raw_key(prefix, str(segment), instant.replace(tzinfo=UTC))) == str(segment)


@pytest.mark.parametrize(
    "segment", [SEGMENT.upper(), "x", "", SEGMENT.replace("-", ""), f"{{{SEGMENT}}}", "../" + SEGMENT]
)
def test_a_segment_id_in_another_form_is_refused(segment: str) -> None:
    with pytest.raises(ValueError):
        raw_key("", segment, SEALED)


@pytest.mark.parametrize(
    "key",
    [
        "", "raw/", f"raw/{SEGMENT}.parquet", f"events/sealed_date=2026-11-21/sealed_hour=23/{SEGMENT}.parquet",
        f"raw/sealed_date=2026-11-21/sealed_hour=23/{SEGMENT}.parquet.tmp",
        f"x/raw/sealed_date=2026-11-21/sealed_hour=23/{SEGMENT}.parquet",
        f"raw/sealed_date=2026-11-21/sealed_hour=23/sub/{SEGMENT}.parquet",
    ],
)  # fmt: skip
def test_any_other_key_is_foreign(key: str) -> None:
    with pytest.raises(ForeignObjectError):
        segment_of("", key)


def test_another_prefixs_object_is_foreign() -> None:
    with pytest.raises(ForeignObjectError):
        segment_of("b/", raw_key("a/", SEGMENT, SEALED))
