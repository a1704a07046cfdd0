"""Partitions are made ahead and dropped behind, but never with an event that is not on its way."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from functions.maintain_database.maintain import maintain
from shared.database.partitions import ensure_partitions, partition_names
from tests.fixtures.pipeline import Context, handler_module

LATER = datetime(2027, 6, 15, tzinfo=UTC)


def test_a_second_run_finds_nothing_to_do(postgres_dsn):
    first = maintain(postgres_dsn, LATER, 2)
    assert {"outbox_p202706", "outbox_p202707", "outbox_p202708"} <= set(first.made)
    assert maintain(postgres_dsn, LATER, 2) == type(first)((), ())


def test_an_outbox_partition_stays_while_it_holds_what_is_not_sealed_or_not_sent(postgres_dsn):
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for month in (1, 2, 3):
            ensure_partitions(connection, 0, datetime(2027, month, 5, tzinfo=UTC))
        insert = "INSERT INTO outbox (id, envelope, segment_id) VALUES (uuid7_floor(%s), '{}', %s)"
        segment = "01a20048-1e00-7080-9a4c-7abc12cddc96"
        connection.execute(insert, [datetime(2027, 1, 9, tzinfo=UTC), None])
        connection.execute(insert, [datetime(2027, 2, 9, tzinfo=UTC), segment])
        connection.execute(
            "INSERT INTO sealed_segments (id, shard, runs, event_count) VALUES (%s, 'outbox/0', '[]', 1)", [segment]
        )
        maintain(postgres_dsn, LATER, 1)
        left = set(partition_names(connection, "outbox"))
        assert {"outbox_p202701", "outbox_p202702"} <= left
        assert "outbox_p202703" not in left
        connection.execute("UPDATE outbox SET segment_id = %s", [segment])
        connection.execute("UPDATE sealed_segments SET state = 'sent'")
        assert {"outbox_p202701", "outbox_p202702"} <= set(maintain(postgres_dsn, LATER, 1).dropped)


def test_the_schedule_says_what_it_did(postgres_dsn, monkeypatch):
    module = handler_module("maintain_database", {"DATABASE_URL": postgres_dsn}, monkeypatch)
    answer = module.handler({}, Context())
    assert set(answer) == {"made", "dropped"}
