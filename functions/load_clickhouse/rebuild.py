"""`python -m functions.load_clickhouse.rebuild`: makes ClickHouse's events anew from the raw lake in S3.

A new table is filled beside the one in use and put in its place at once; objects that came meanwhile are loaded after
that, so that readers never miss anything but the newest, and the loader goes on.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa

from functions.load_clickhouse.config import Settings
from functions.load_clickhouse.load_object import check_segment, read_object
from shared.clickhouse.client import connect
from shared.clickhouse.migrate import migrate
from shared.clickhouse.views import RAW_TABLE
from shared.config import load_settings
from shared.lake import RAW, ForeignObjectError, segment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEW_TABLE = f"{RAW_TABLE}_rebuilt"
ROWS_PER_INSERT = 200_000
READERS = 8


@dataclass(frozen=True, slots=True)
class Rebuilt:
    objects: int
    rows: int


def rebuild(s3: Any, clickhouse: Any, bucket: str, prefix: str, say: Callable[[str], None]) -> Rebuilt:
    """Load every object of the raw lake into a fresh table, and exchange it for the one in use.

    Raises:
        UnreadableObjectError: an object is corrupt; the table in use is left as it was.
        clickhouse_connect.driver.exceptions.Error, botocore.exceptions.ClientError: likewise.
    """
    migrate(clickhouse)
    clickhouse.command(f"DROP TABLE IF EXISTS {NEW_TABLE}")
    clickhouse.command(f"CREATE TABLE {NEW_TABLE} AS {RAW_TABLE}")
    keys = dict(_segments(s3, bucket, prefix))
    say(f"{len(keys)} objects in s3://{bucket}/{prefix}{RAW}")
    rows = _load(s3, clickhouse, bucket, keys, NEW_TABLE, say)
    clickhouse.command(f"EXCHANGE TABLES {NEW_TABLE} AND {RAW_TABLE}")
    late = _late(s3, clickhouse, bucket, prefix)
    if late:
        say(f"{len(late)} objects came meanwhile")
        rows += _load(s3, clickhouse, bucket, late, RAW_TABLE, say)
    clickhouse.command(f"DROP TABLE {NEW_TABLE}")
    return Rebuilt(len(keys | late), rows)


def _segments(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}{RAW}"):
        for entry in page.get("Contents", []):
            try:
                yield segment_of(prefix, entry["Key"]), entry["Key"]
            except ForeignObjectError:
                continue


def _late(s3: Any, clickhouse: Any, bucket: str, prefix: str) -> dict[str, str]:
    """Objects in the lake whose segments are not in the table in use."""
    there = {row[0] for row in clickhouse.query("SELECT DISTINCT segment_id FROM events_raw").result_rows}
    return {segment: key for segment, key in _segments(s3, bucket, prefix) if segment not in there}


def _load(s3: Any, clickhouse: Any, bucket: str, keys: dict[str, str], into: str, say: Callable[[str], None]) -> int:
    def read(item: tuple[str, str]) -> tuple[str, pa.Table]:
        segment_id, key = item
        table = read_object(s3, bucket, key)
        check_segment(table, segment_id)
        return segment_id, table

    loaded = objects = 0
    waiting: list[tuple[str, pa.Table]] = []
    with ThreadPoolExecutor(READERS) as readers:
        items = sorted(keys.items())
        for start in range(0, len(items), READERS * 4):  # bounds what is held in memory
            for each in readers.map(read, items[start : start + READERS * 4]):
                waiting.append(each)
                if sum(table.num_rows for _, table in waiting) >= ROWS_PER_INSERT:
                    loaded, objects = loaded + _insert(clickhouse, waiting, into), objects + len(waiting)
                    waiting.clear()
                    say(f"{objects} of {len(items)} objects, {loaded} rows")
    if waiting:
        loaded, objects = loaded + _insert(clickhouse, waiting, into), objects + len(waiting)
        say(f"{objects} of {len(items)} objects, {loaded} rows")
    return loaded


def _insert(clickhouse: Any, waiting: list[tuple[str, pa.Table]], into: str) -> int:
    """One insert for many segments, under a token that names them all."""
    token = sha256("".join(segment for segment, _ in waiting).encode()).hexdigest()
    table = pa.concat_tables([each for _, each in waiting], promote_options="default")
    clickhouse.insert_arrow(into, table, settings={"insert_deduplication_token": token})
    return int(table.num_rows)


def main() -> None:
    settings = load_settings(Settings)
    done = rebuild(
        boto3.client("s3"),
        connect(settings),
        settings.lake_bucket,
        settings.lake_prefix,
        lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201 - progress for people
    )
    print(f"rebuilt from {done.objects} objects: {done.rows} rows")  # noqa: T201


if __name__ == "__main__":
    main()
