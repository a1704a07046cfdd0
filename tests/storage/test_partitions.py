"""What grows for ever is made ahead in months and dropped in pieces, without losing what must stay unique."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from shared.database.base import PARTITIONED
from shared.database.partitions import Month, drop_old_partitions, ensure_partitions, is_partition, partition_names

NOW = datetime.now(UTC)
SOON = NOW + timedelta(days=45)


def id_at(instant: datetime, tail: int = 1) -> uuid.UUID:
    milliseconds = int(instant.timestamp() * 1000)
    return uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | tail)


@pytest.fixture
def autocommit(postgres_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        yield connection


def put_outbox(connection: psycopg.Connection[Any], instant: datetime, tail: int = 1, segment: uuid.UUID | None = None):
    identifier = id_at(instant, tail)
    connection.execute("INSERT INTO outbox (id, envelope, segment_id) VALUES (%s, '{}', %s)", [identifier, segment])
    return identifier


def partition_of(connection: psycopg.Connection[Any], table: str, column: str, value: object) -> str:
    row = connection.execute(f"SELECT tableoid::regclass::text FROM {table} WHERE {column} = %s", [value]).fetchone()
    assert row is not None
    return row[0]


def test_every_table_has_this_month_and_three_ahead(autocommit) -> None:
    for table in PARTITIONED:
        months = [Month.of(NOW).plus(ahead).partition_of(table) for ahead in range(4)]
        assert set(months) <= set(partition_names(autocommit, table))


def test_making_them_again_makes_none(autocommit) -> None:
    assert ensure_partitions(autocommit) == []


def test_several_that_make_them_at_once_make_each_once(postgres_dsn: str) -> None:
    def make(_: int) -> list[str]:
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            return ensure_partitions(connection, months_ahead=6)

    with ThreadPoolExecutor(4) as pool:
        made = [name for names in pool.map(make, range(4)) for name in names]
    assert len(made) == len(set(made)) == 3 * len(PARTITIONED)


def test_a_row_lands_in_the_month_of_its_id(autocommit) -> None:
    identifier = put_outbox(autocommit, SOON)
    assert partition_of(autocommit, "outbox", "id", identifier) == Month.of(SOON).partition_of("outbox")


def test_a_month_begins_at_its_first_millisecond(autocommit) -> None:
    start = Month.of(SOON).start
    before, first = put_outbox(autocommit, start - timedelta(milliseconds=1)), put_outbox(autocommit, start)
    assert partition_of(autocommit, "outbox", "id", before) == Month.of(SOON).plus(-1).partition_of("outbox")
    assert partition_of(autocommit, "outbox", "id", first) == Month.of(SOON).partition_of("outbox")


def test_a_row_beyond_the_months_made_waits_in_default_and_moves_when_its_month_is_made(autocommit) -> None:
    late = NOW + timedelta(days=200)
    identifier = put_outbox(autocommit, late)
    assert partition_of(autocommit, "outbox", "id", identifier) == "outbox_default"
    ensure_partitions(autocommit, now=late)
    assert partition_of(autocommit, "outbox", "id", identifier) == Month.of(late).partition_of("outbox")


def test_a_row_of_a_month_that_nobody_made_gets_it_later(autocommit) -> None:
    early = datetime(2026, 2, 3, tzinfo=UTC)
    identifier = put_outbox(autocommit, early)
    assert partition_of(autocommit, "outbox", "id", identifier) == "outbox_default"
    assert ensure_partitions(autocommit) == ["outbox_p202602"]
    assert partition_of(autocommit, "outbox", "id", identifier) == "outbox_p202602"


def test_an_id_from_nowhere_makes_no_month(autocommit) -> None:
    autocommit.execute("INSERT INTO outbox (id, envelope) VALUES (%s, '{}')", [uuid.UUID(int=2**128 - 1)])
    assert ensure_partitions(autocommit) == []


def test_a_partition_has_the_keys_indexes_and_defaults_of_its_table(autocommit) -> None:
    autocommit.execute("INSERT INTO authority_changes (kind, entity_id) VALUES ('user', 'x')")
    row = autocommit.execute("SELECT id, xid::text, tableoid::regclass::text FROM authority_changes").fetchone()
    assert row is not None
    assert row[0] == 1 and int(row[1]) > 0 and row[2] == Month.of(NOW).partition_of("authority_changes")
    put_outbox(autocommit, NOW, 7)
    with pytest.raises(psycopg.errors.UniqueViolation):
        put_outbox(autocommit, NOW, 7)


def test_only_what_is_old_is_dropped(autocommit) -> None:
    segment = uuid.uuid4()
    old = put_outbox(autocommit, NOW - timedelta(days=80), segment=segment)
    recent = put_outbox(autocommit, NOW - timedelta(days=3), segment=segment)
    ensure_partitions(autocommit)
    assert drop_old_partitions(autocommit, NOW) == [Month.of(NOW - timedelta(days=80)).partition_of("outbox")]
    left = {row[0] for row in autocommit.execute("SELECT id FROM outbox").fetchall()}
    assert recent in left and old not in left


def test_a_month_is_kept_until_its_last_day_is_old(autocommit) -> None:
    month = Month.of(NOW)
    kept = timedelta(days=PARTITIONED["guess_budgets"][2] or 0)
    autocommit.execute("INSERT INTO guess_budgets VALUES ('k', %s, 1)", [month.start])
    assert month.partition_of("guess_budgets") not in drop_old_partitions(
        autocommit, month.end + kept - timedelta(seconds=1)
    )
    assert month.partition_of("guess_budgets") in drop_old_partitions(autocommit, month.end + kept)


def test_an_event_that_is_not_sealed_keeps_its_partition_however_old(autocommit) -> None:
    unsealed = put_outbox(autocommit, NOW - timedelta(days=80))
    ensure_partitions(autocommit)
    assert drop_old_partitions(autocommit, NOW) == []
    assert autocommit.execute("SELECT count(*) FROM outbox WHERE id = %s", [unsealed]).fetchone() == (1,)


def test_an_event_whose_segment_is_not_sent_keeps_its_partition(autocommit) -> None:
    segment = id_at(NOW, 9)
    autocommit.execute(
        "INSERT INTO sealed_segments (id, shard, runs, event_count) VALUES (%s, 'outbox/0', '[]', 1)", [segment]
    )
    put_outbox(autocommit, NOW - timedelta(days=80), segment=segment)
    ensure_partitions(autocommit)
    assert drop_old_partitions(autocommit, NOW) == []
    autocommit.execute("UPDATE sealed_segments SET state = 'sent' WHERE id = %s", [segment])
    assert len(drop_old_partitions(autocommit, NOW)) == 1


def test_a_live_refresh_family_keeps_its_partition(autocommit) -> None:
    autocommit.execute(
        "INSERT INTO refresh_families (id, user_id, client_id, auth_time, current_hash, idle_expires_at, expires_at)"
        " VALUES (%s, %s, %s, now(), 'h', now() + interval '3 years', now() + interval '3 years')",
        [id_at(datetime(2026, 1, 5, tzinfo=UTC)), uuid.uuid4(), uuid.uuid4()],
    )
    ensure_partitions(autocommit)
    in_three_years = datetime(2028, 12, 1, tzinfo=UTC)
    assert "refresh_families_p202601" not in drop_old_partitions(autocommit, in_three_years)
    autocommit.execute("UPDATE refresh_families SET revoked_at = now()")
    assert "refresh_families_p202601" in drop_old_partitions(autocommit, in_three_years)


def test_a_spent_code_stays_unique_whatever_was_dropped(autocommit) -> None:
    """Its key has the time of issue, which stands in the code itself: it can't be spent again in another month."""
    code_hash, issued_at = hashlib.sha256(b"code").digest(), NOW - timedelta(days=80)
    spend = (
        "INSERT INTO redeemed_codes (code_hash, issued_at, jti, access_token_expires_at) VALUES (%s, %s, %s, now())"
        " ON CONFLICT DO NOTHING RETURNING 1"
    )
    assert autocommit.execute(spend, [code_hash, NOW, uuid.uuid4()]).fetchone() is not None
    autocommit.execute(spend, [hashlib.sha256(b"old").digest(), issued_at, uuid.uuid4()])
    ensure_partitions(autocommit)
    assert drop_old_partitions(autocommit, NOW) == [Month.of(issued_at).partition_of("redeemed_codes")]
    assert autocommit.execute(spend, [code_hash, NOW, uuid.uuid4()]).fetchone() is None


def test_a_partition_in_use_is_left_for_the_next_run(postgres_dsn: str, autocommit) -> None:
    put_outbox(autocommit, NOW - timedelta(days=80), segment=uuid.uuid4())
    ensure_partitions(autocommit)
    with psycopg.connect(postgres_dsn) as reader:
        reader.execute("SELECT count(*) FROM outbox")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            drop_old_partitions(autocommit, NOW)
    assert len(drop_old_partitions(autocommit, NOW)) == 1


@pytest.mark.parametrize(
    ("name", "expected"), [("outbox_p202601", True), ("outbox_default", True), ("outbox", False), ("users", False)]
)
def test_partitions_are_told_from_tables_by_name(name: str, expected: bool) -> None:
    assert is_partition(name) is expected
