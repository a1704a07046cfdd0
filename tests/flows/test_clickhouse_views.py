"""Every view equals the same SQL text over the Parquet files, also after duplicates and after a rebuild (P2)."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import boto3
import chdb
import pytest

from events.segment import encode
from functions.load_clickhouse.rebuild import rebuild
from shared.clickhouse.views import NAMES, view
from tests.fixtures.pipeline import notification
from tests.fixtures.sealed import a_segment, an_event

VIEWS = [name for name in NAMES if name != "events"]


def mixed_events(seed: int, count: int) -> list:
    """Two days of everything that the views count, and of what they must leave out."""
    chance = random.Random(seed)
    start = datetime(2026, 11, 20, 1, tzinfo=UTC)
    made = []
    for _ in range(count):
        at = start + timedelta(seconds=chance.randrange(2 * 86_400))
        user, address = f"user-{chance.randrange(9)}", f"{chance.randrange(4):032x}"
        kind = chance.randrange(7)
        if kind == 0:
            made.append(
                an_event(0, "sign_in.succeeded", at=at, subject=user, client_id=None, payload=payload("success"))
            )
        elif kind == 1:
            body = payload("failure", reason="bad_credentials", identifier_hash=user, address_hash=address)
            made.append(an_event(0, "sign_in.failed", at=at, subject="anonymous", client_id=None, payload=body))
        elif kind == 2:
            body = payload(
                "failure",
                type=chance.choice(["sign_in.failed", "token.denied"]),
                reason=None,
                count=chance.randrange(99),
            )
            made.append(an_event(0, "failures.counted", at=at, client_id=None, payload=body))
        elif kind == 3:
            grant = chance.choice(["client_credentials", "refresh_token", None])
            made.append(
                an_event(
                    chance.randrange(5),
                    "token.denied",
                    at=at,
                    payload=payload("failure", grant_type=grant, address_hash=address),
                )
            )
        elif kind == 4:
            made.append(
                an_event(
                    chance.randrange(5),
                    at=at,
                    subject=user,
                    payload=payload("success", grant_type="refresh_token", jti="j"),
                )
            )
        else:
            made.append(an_event(chance.randrange(5), at=at))
    return made


def payload(outcome: str, **fields) -> str:
    return json.dumps({"outcome": outcome, **fields})


def rows_of(text: str) -> list[dict]:
    answer = chdb.query(f"{text} SETTINGS session_timezone = 'UTC'", "JSONEachRow")
    return in_order([json.loads(line) for line in answer.bytes().decode().splitlines()])


def in_order(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


@pytest.fixture
def parquet(lane, tmp_path):
    """The lake's objects as files, for SQL that runs over Parquet."""

    def download() -> str:
        s3 = lane.cloud.client("s3")
        for key in lane.objects():
            (tmp_path / key.rsplit("/", 1)[1]).write_bytes(s3.get_object(Bucket=lane.bucket, Key=key)["Body"].read())
        return f"file('{tmp_path}/*.parquet', Parquet)"

    return download


def assert_views_equal_parquet(warehouse, source: str) -> None:
    for name in VIEWS:
        text = f"SELECT * FROM {name} SETTINGS session_timezone = 'UTC'"
        raw = warehouse.client.raw_query(text, fmt="JSONEachRow").decode()
        there = in_order([json.loads(line) for line in raw.splitlines()])
        assert there, f"{name} is empty: nothing was compared"
        over_parquet = rows_of(view(name).over(source))
        missing, surplus = (
            [row for row in over_parquet if row not in there],
            [row for row in there if row not in over_parquet],
        )
        assert (missing, surplus) == ([], []), name
        assert len(there) == len(over_parquet), name


def test_views_equal_the_same_sql_over_parquet_also_after_duplicates_and_a_rebuild(
    lane, fan_out, load, warehouse, parquet
):
    segments = [encode(a_segment(mixed_events(seed, 200))) for seed in range(5)]
    assert fan_out([*segments, *segments[:2]]) == []
    messages = [notification(lane.bucket, key) for key in lane.objects()]
    random.Random(1).shuffle(messages)
    assert load(messages + messages[:3]) == []
    source = parquet()
    assert_views_equal_parquet(warehouse, source)

    warehouse.client.command("INSERT INTO events_raw SELECT * FROM events_raw SETTINGS insert_deduplicate = 0")
    assert_views_equal_parquet(warehouse, source)

    rebuild(boto3.client("s3"), warehouse.client, lane.bucket, lane.prefix, lambda _: None)
    assert_views_equal_parquet(warehouse, source)


def test_failures_that_were_only_counted_are_in_the_hourly_figures(lane, fan_out, load, warehouse):
    at = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)
    events = [
        an_event(0, "sign_in.failed", at=at, payload=payload("failure", reason="bad_credentials")),
        an_event(0, "failures.counted", at=at, payload=payload("failure", type="sign_in.failed", count=40)),
        an_event(0, "failures.counted", at=at, payload=payload("failure", type="token.denied", count=7)),
    ]
    fan_out([encode(a_segment(events))])
    load([notification(lane.bucket, key) for key in lane.objects()])
    (row,) = warehouse.rows("SELECT succeeded, failed, failed_only_counted FROM sign_ins_per_hour")
    assert row == {"succeeded": 0, "failed": 1, "failed_only_counted": 40}


def test_every_view_says_what_a_row_is(warehouse):
    comments = {
        row["name"]: row["comment"]
        for row in warehouse.rows(
            f"SELECT name, comment FROM system.tables WHERE database = '{warehouse.database}' AND engine = 'View'"
        )
    }
    assert comments == {name: view(name).comment for name in NAMES}
