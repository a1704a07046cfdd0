"""What S3 sends is read as S3 documents it; anything else is refused."""

from __future__ import annotations

import json

import pytest

from functions.load_clickhouse.notifications import CreatedObject, MalformedNotificationError, created_objects


def test_keys_are_url_decoded():
    record = {"s3": {"bucket": {"name": "b"}, "object": {"key": "raw/sealed_date%3D2026-11-21/a+b%2Bc.parquet"}}}
    assert created_objects(json.dumps({"Records": [record]})) == [
        CreatedObject("b", "raw/sealed_date=2026-11-21/a b+c.parquet")
    ]


def test_the_test_event_names_no_object():
    assert created_objects('{"Service":"Amazon S3","Event":"s3:TestEvent"}') == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"Records":{}}',
        '{"Records":[1]}',
        '{"Records":[{"s3":{"bucket":{"name":1},"object":{"key":"k"}}}]}',
    ],
)
def test_what_is_not_from_s3_is_refused(body):
    with pytest.raises(MalformedNotificationError):
        created_objects(body)
