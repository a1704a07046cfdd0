"""load_clickhouse on a real object store and ClickHouse engine: one object, one insert, whatever is delivered again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import boto3
import pytest

from events.segment import encode
from functions.load_clickhouse.load_object import UnreadableObjectError
from functions.load_clickhouse.rebuild import rebuild
from tests.fixtures.pipeline import ClickHouse, lake_rows, make_warehouse, notification, start_clickhouse
from tests.fixtures.sealed import a_segment, an_event, broken_chains

TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})


def count(warehouse, what="count()", table="events"):
    return warehouse.client.query(f"SELECT {what} FROM {table}").result_rows[0][0]


def test_each_event_is_in_clickhouse_once_though_its_object_is_notified_thrice(lane, fan_out, load, warehouse):
    fan_out([encode(a_segment(10)), encode(a_segment(20))])
    messages = [notification(lane.bucket, key) for key in lane.objects()]
    assert load([*messages, *messages]) == []
    assert load(messages) == []
    assert count(warehouse, table="events_raw") == 30
    assert count(warehouse, "uniqExact(event_id)") == 30


def test_the_test_event_of_a_new_notification_is_passed_over(load, warehouse):
    assert load([TEST_EVENT]) == []
    assert count(warehouse) == 0


def test_what_cannot_be_loaded_comes_back_alone(lane, fan_out, load, warehouse):
    fan_out([encode(a_segment(4))])
    good = lane.objects()[0]
    s3 = lane.cloud.client("s3")
    whole = s3.get_object(Bucket=lane.bucket, Key=good)["Body"].read()
    folder = good.rsplit("/", 1)[0]
    corrupt, renamed = (f"{folder}/{a_segment(1).segment_id}.parquet" for _ in range(2))
    s3.put_object(Bucket=lane.bucket, Key=corrupt, Body=whole[: len(whole) // 2])
    s3.put_object(Bucket=lane.bucket, Key=renamed, Body=whole)
    missing = f"{folder}/{a_segment(1).segment_id}.parquet"
    bodies = [
        "not json",
        '{"Records":[{}]}',
        notification(lane.bucket, "elsewhere/x.parquet"),
        notification(lane.bucket, missing),
        notification(lane.bucket, corrupt),
        notification(lane.bucket, renamed),
        notification(lane.bucket, good),
    ]
    assert load(bodies) == [0, 1, 2, 3, 4, 5]
    assert count(warehouse) == 4


def test_the_chain_can_be_recomputed_from_clickhouse_alone(lane, fan_out, load, warehouse):
    events = [an_event(0, payload='{"outcome":"success","note":"é \\" 💧"}'), an_event(1, request_id=None), an_event(2)]
    fan_out([encode(a_segment(events))])
    load([notification(lane.bucket, lane.objects()[0])])
    assert broken_chains(warehouse.rows("SELECT * FROM events ORDER BY number")) == []


def test_an_insert_cut_off_at_the_months_end_is_completed_by_the_retry(lane, fan_out, load, warehouse):
    before = [an_event(index, at=datetime(2026, 10, 31, 23, tzinfo=UTC)) for index in range(5)]
    after = [an_event(index, at=datetime(2026, 11, 1, tzinfo=UTC)) for index in range(5)]
    fan_out([encode(a_segment(before + after))])
    message = notification(lane.bucket, lane.objects()[0])
    assert load([message]) == []
    warehouse.client.command("ALTER TABLE events_raw DROP PARTITION 202611")
    assert count(warehouse) == 5
    assert load([message]) == []
    assert count(warehouse, table="events_raw") == 10


def test_duplicates_beyond_the_window_are_counted_once_by_the_view(lane, fan_out, load, warehouse):
    fan_out([encode(a_segment(10))])
    load([notification(lane.bucket, lane.objects()[0])])
    warehouse.client.command("INSERT INTO events_raw SELECT * FROM events_raw SETTINGS insert_deduplicate = 0")
    assert count(warehouse, table="events_raw") == 20
    assert count(warehouse) == 10


def test_a_clickhouse_that_is_down_loses_nothing_and_is_used_again_when_back(lane, fan_out, tmp_path, monkeypatch):
    from tests.fixtures.pipeline import Context, failed, handler_module, lake_environment, sqs_event

    server = start_clickhouse(tmp_path)
    warehouse = make_warehouse(server)
    module = handler_module("load_clickhouse", lake_environment(lane) | warehouse.environment, monkeypatch)
    fan_out([encode(a_segment(3)), encode(a_segment(4))])
    first, second = (sqs_event([notification(lane.bucket, key)]) for key in lane.objects())
    assert failed(module.handler(first, Context())) == []
    server.process.kill()
    assert failed(module.handler(second, Context())) == [0]
    back = start_clickhouse(tmp_path, port=int(server.url.rsplit(":", 1)[1]))
    try:
        assert failed(module.handler(second, Context())) == []
        assert count(warehouse) == 7
    finally:
        back.process.stop()


def test_rebuilding_from_the_lake_gives_the_same_events_once(lane, fan_out, load, warehouse):
    fan_out([encode(a_segment(10 + index)) for index in range(6)])
    load([notification(lane.bucket, key) for key in lane.objects()[:3]])
    warehouse.client.command("INSERT INTO events_raw SELECT * FROM events_raw SETTINGS insert_deduplicate = 0")
    lines: list[str] = []
    for _ in range(2):
        done = rebuild(boto3.client("s3"), warehouse.client, lane.bucket, lane.prefix, lines.append)
        assert (done.objects, done.rows) == (6, 75)
        assert count(warehouse, table="events_raw") == 75
    assert {row["event_id"] for row in lake_rows(lane)} == {
        row["event_id"] for row in warehouse.rows("SELECT event_id FROM events")
    }
    assert any("6 of 6 objects, 75 rows" in line for line in lines)
    assert load([notification(lane.bucket, key) for key in lane.objects()]) == []
    assert count(warehouse, table="events_raw") == 75


def test_a_corrupt_object_stops_the_rebuild_and_leaves_the_table_in_use(lane, fan_out, load, warehouse):
    fan_out([encode(a_segment(10))])
    load([notification(lane.bucket, key) for key in lane.objects()])
    folder = lane.objects()[0].rsplit("/", 1)[0]
    lane.cloud.client("s3").put_object(
        Bucket=lane.bucket, Key=f"{folder}/{a_segment(1).segment_id}.parquet", Body=b"PAR1"
    )
    with pytest.raises(UnreadableObjectError):
        rebuild(boto3.client("s3"), warehouse.client, lane.bucket, lane.prefix, lambda _: None)
    assert count(warehouse) == 10


def test_migrating_again_changes_nothing(clickhouse_server: ClickHouse, warehouse):
    from shared.clickhouse.migrate import migrate

    assert migrate(warehouse.client) == []
    assert [row["version"] for row in warehouse.rows("SELECT version FROM schema_migrations ORDER BY version")] == [
        1,
        2,
    ]
