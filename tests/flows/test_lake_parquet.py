"""fan_out_audit on a real object store: one message, one object, whatever is delivered again."""

from __future__ import annotations

import json
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from events.chain import genesis
from events.segment import encode
from functions.fan_out_audit.columns import LAKE
from tests.fixtures.pipeline import lake_rows
from tests.fixtures.sealed import NOON, a_segment, an_event, broken_chains


def test_a_segment_becomes_one_object_under_its_own_name(lane, fan_out):
    segment = a_segment(5)
    assert fan_out([encode(segment)]) == []
    assert lane.objects() == [f"audit/raw/sealed_date=2026-11-21/sealed_hour=12/{segment.segment_id}.parquet"]


def test_a_segment_delivered_again_in_other_company_changes_nothing(lane, fan_out):
    first, second = a_segment(4), a_segment(6)
    assert fan_out([encode(first)]) == []
    s3 = lane.cloud.client("s3")
    before = s3.get_object(Bucket=lane.bucket, Key=lane.objects()[0])
    assert fan_out([encode(second), encode(first), encode(second)]) == []
    again = s3.get_object(
        Bucket=lane.bucket, Key=f"{lane.prefix}raw/sealed_date=2026-11-21/sealed_hour=12/{first.segment_id}.parquet"
    )
    assert len(lane.objects()) == 2
    assert len(lake_rows(lane)) == 10
    assert {row["segment_id"] for row in lake_rows(lane)} == {first.segment_id, second.segment_id}
    assert again["LastModified"] == before["LastModified"]
    assert again["ETag"] == before["ETag"]


def test_an_object_with_other_content_is_never_overwritten_and_its_message_comes_back(lane, fan_out):
    segment = a_segment(3)
    assert fan_out([encode(segment)]) == []
    forged = a_segment(3)
    assert fan_out([encode(replace(forged, segment_id=segment.segment_id)), encode(a_segment(2))]) == [0]
    assert {row["event_id"] for row in lake_rows(lane) if row["segment_id"] == segment.segment_id} == {
        json.loads(line)["event_id"] for line in segment.lines
    }


def test_a_malformed_message_comes_back_alone(lane, fan_out):
    good = encode(a_segment(2))
    cut_off = json.loads(good) | {"events": "AAAA"}
    no_uuid = encode(replace(a_segment(1), segment_id="../../somewhere"))
    no_time = encode(replace(a_segment(1), sealed_at="yesterday"))
    not_an_event = encode(replace(a_segment(1), lines=('{"event_id":1}',)))
    bodies = ["", "[]", json.dumps(cut_off), no_uuid, no_time, not_an_event, good]
    assert fan_out(bodies) == [0, 1, 2, 3, 4, 5]
    assert len(lane.objects()) == 1


def test_the_chain_can_be_recomputed_from_parquet_columns_alone(lane, fan_out):
    odd = [
        an_event(0, payload='{"outcome":"success","note":"é \\u2028 \\" \\\\ 💧"}', request_id=None),
        an_event(1, personal="q83vEjRWeJA", subject_key_id="01234567-89ab-7def-8123-456789abcdef", session_id="s"),
        an_event(2, occurred_at="2026-11-21T12:00:00.000000Z", payload="{}", client_id=None),
    ]
    assert fan_out([encode(a_segment(odd))]) == []
    rows = lake_rows(lane)
    assert broken_chains(rows) == []
    rows[1]["payload"] += " "
    assert broken_chains(rows) == [f"{rows[1]['producer']}: 2 is altered"]
    assert rows[0]["hash"] != genesis(rows[0]["producer"]).hex()


def test_rows_keep_the_segments_order_and_the_columns_their_types(lane, fan_out):
    segment = a_segment(50)
    assert fan_out([encode(segment)]) == []
    body = lane.cloud.client("s3").get_object(Bucket=lane.bucket, Key=lane.objects()[0])["Body"].read()
    file = pq.ParquetFile(pa.BufferReader(body))
    assert file.schema_arrow.remove_metadata().equals(LAKE)
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.read()["number"].to_pylist() == list(range(1, 51))
    connection = duckdb.connect()
    connection.register("events", file.read())
    count, first, outcome = connection.execute(
        "SELECT count(*), min(occurred_at), any_value(outcome) FROM events"
    ).fetchone()
    assert (count, outcome) == (50, "success")
    assert first == NOON


def test_payload_fields_of_another_type_leave_their_column_empty_and_nothing_else(lane, fan_out):
    events = [
        an_event(0, payload='{"outcome":"failure","reason":{"code":1}}'),
        an_event(1, payload='{"outcome":"success","jti":"j"}'),
        an_event(2, payload="not json"),
        an_event(3, payload='{"a":\n1,"reason":"r"}'),
    ]
    assert fan_out([encode(a_segment(events))]) == []
    rows = lake_rows(lane)
    assert [row["reason"] for row in rows] == [None, None, None, "r"]
    assert [row["outcome"] for row in rows] == ["failure", "success", None, None]
    assert [row["payload"] for row in rows] == [event.payload for event in events]


def test_the_glue_table_names_every_column_and_projects_its_partitions(lane):
    import boto3

    from functions.fan_out_audit.register import register

    for _ in range(2):
        register(lane.bucket, lane.prefix, "lake_test", boto3.Session())
    table = lane.cloud.client("glue").get_table(DatabaseName="lake_test", Name="raw_events")["Table"]
    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == LAKE.names
    assert [key["Name"] for key in table["PartitionKeys"]] == ["sealed_date", "sealed_hour"]
    assert table["Parameters"]["projection.enabled"] == "true"
    assert table["Parameters"]["storage.location.template"].endswith("sealed_hour=${sealed_hour}/")
