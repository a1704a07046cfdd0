"""Loads one Parquet object into ClickHouse, once: checked by its segment id, inserted with it as token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from shared.clickhouse.views import RAW_TABLE
from shared.lake import segment_of

# The bounds and the index on segment_id leave a few granules to read, however many events there are.
_LOADED = """
SELECT uniqExact(event_id) FROM events_raw
 WHERE segment_id = %(segment)s AND occurred_at BETWEEN %(first)s AND %(last)s
"""
_MISSING = {"NoSuchKey", "404"}


class UnreadableObjectError(RuntimeError):
    """The object is missing or not what the lake holds: its message stays, and ends in the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`was_there`: an earlier delivery had loaded it."""

    segment_id: str
    rows: int
    was_there: bool


def read_object(s3: Any, bucket: str, key: str) -> pa.Table:
    """The object's rows.

    Raises:
        UnreadableObjectError: missing, or not whole Parquet.
        botocore.exceptions.BotoCoreError, ClientError: S3 can't be reached or refuses.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            raise UnreadableObjectError("the object is missing") from error
        raise
    try:
        return pq.read_table(pa.BufferReader(body), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableObjectError("the object is not whole Parquet") from error


def check_segment(table: pa.Table, segment_id: str) -> None:
    """An object holds exactly the segment that it is named after.

    Raises:
        UnreadableObjectError: it doesn't.
    """
    lacking = {"segment_id", "event_id", "occurred_at"} - set(table.column_names)
    if lacking:
        raise UnreadableObjectError(f"the object lacks {', '.join(sorted(lacking))}")
    if table.num_rows == 0 or pc.unique(table["segment_id"]).to_pylist() != [segment_id]:
        raise UnreadableObjectError("the object holds another segment than its name says")


def load_object(s3: Any, clickhouse: Any, bucket: str, key: str, prefix: str) -> Loaded:
    """From the object's name to rows in ClickHouse; finds its work done when it is called again.

    Raises:
        shared.lake.ForeignObjectError: the key is not a raw segment's.
        UnreadableObjectError: missing, corrupt, or another segment's.
        clickhouse_connect.driver.exceptions.Error: ClickHouse can't be reached or refuses.
        botocore.exceptions.BotoCoreError, ClientError: S3 can't be reached or refuses.
    """
    segment_id = segment_of(prefix, key)
    table = read_object(s3, bucket, key)
    check_segment(table, segment_id)
    # Fewer than all of them: an insert over a month's end was cut off between its two blocks. The same token takes
    # the block that is missing and leaves the other.
    was_there = _loaded_events(clickhouse, table, segment_id) >= pc.count_distinct(table["event_id"]).as_py()
    if not was_there:
        clickhouse.insert_arrow(RAW_TABLE, table, settings={"insert_deduplication_token": segment_id})
    return Loaded(segment_id, table.num_rows, was_there)


def _loaded_events(clickhouse: Any, table: pa.Table, segment_id: str) -> int:
    bounds = pc.min_max(table["occurred_at"])
    parameters = {"segment": segment_id, "first": _text(bounds["min"]), "last": _text(bounds["max"])}
    return int(clickhouse.query(_LOADED, parameters=parameters).result_rows[0][0])


def _text(instant: Any) -> str:
    return str(instant.as_py().strftime("%Y-%m-%d %H:%M:%S.%f"))
