"""Only what the lake holds is loaded. That it is loaded once: tests/flows/test_lake_loading.py."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from functions.fan_out_audit.segment_table import segment_table
from functions.load_clickhouse.load_object import UnreadableObjectError, check_segment, read_object
from tests.fixtures.sealed import a_segment


class Bucket:
    def __init__(self, content: bytes | Exception) -> None:
        self.content = content

    def get_object(self, **_: str) -> dict[str, io.BytesIO]:
        if isinstance(self.content, Exception):
            raise self.content
        return {"Body": io.BytesIO(self.content)}


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "GetObject")


def test_a_segments_object_is_read_whole() -> None:
    segment = a_segment(3)
    table = read_object(Bucket(parquet(segment_table(segment))), "b", "k")
    check_segment(table, segment.segment_id)
    assert table.num_rows == 3


@pytest.mark.parametrize(
    "content",
    [b"", b"x", parquet(segment_table(a_segment(2)))[:-20], failure("NoSuchKey")],
    ids=["empty", "one byte", "torn", "missing"],
)
def test_an_object_that_is_missing_or_torn_ends_in_the_dead_letter_queue(content) -> None:
    with pytest.raises(UnreadableObjectError):
        read_object(Bucket(content), "b", "k")


@pytest.mark.parametrize("code", ["SlowDown", "AccessDenied", "InternalError"])
def test_a_store_that_refuses_now_says_nothing_of_the_object(code: str) -> None:
    with pytest.raises(ClientError):
        read_object(Bucket(failure(code)), "b", "k")


def test_an_object_holds_exactly_the_segment_that_it_is_named_after() -> None:
    one, two = a_segment(2), a_segment(2)
    for table in (
        segment_table(two),
        segment_table(one).slice(0, 0),
        pa.concat_tables([segment_table(one), segment_table(two)]),
        segment_table(one).drop_columns(["event_id"]),
        pa.table({"x": [1]}),
    ):
        with pytest.raises(UnreadableObjectError):
            check_segment(table, one.segment_id)
