"""Monthly partitions: made ahead of time, dropped whole when they are old, so that nothing grows for ever.

Every key of a partitioned table has its time inside: dropping old rows takes no uniqueness from those that stay.
A DEFAULT partition takes what no month was made for; its rows move when their month is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import sql

from shared.clock import utc_now
from shared.database.base import PARTITIONED

if TYPE_CHECKING:
    import psycopg

# Rows that outlive their table's days: as long as a partition has one, it stays.
STILL_NEEDED: dict[str, str] = {
    "outbox": "segment_id IS NULL OR segment_id IN (SELECT id FROM sealed_segments WHERE state = 'sealed')",
    "sealed_segments": "state = 'sealed'",
    "refresh_families": "revoked_at IS NULL AND expires_at > now()",
    "sign_in_sessions": "ended_at IS NULL AND expires_at > now()",
    "revoked_access_tokens": "expires_at > now()",
}
_PARTITION = re.compile("(" + "|".join(PARTITIONED) + r")_(p\d{6}|default)(_|$)")
_LOCK_TIMEOUT = "3s"  # DDL that waits longer makes every query behind it wait too: try again at the next run


def is_partition(table: str) -> bool:
    """Whether a table of this name was made here, so that no model speaks of it."""
    return _PARTITION.match(table) is not None


@dataclass(frozen=True, slots=True)
class Month:
    year: int
    month: int

    @classmethod
    def of(cls, instant: datetime) -> Month:
        instant = instant.astimezone(UTC)
        return cls(instant.year, instant.month)

    def order(self) -> int:
        return self.year * 12 + self.month - 1

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        return self.plus(1).start

    def plus(self, months: int) -> Month:
        index = self.order() + months
        return Month(index // 12, index % 12 + 1)

    def partition_of(self, table: str) -> str:
        return f"{table}_p{self.year:04d}{self.month:02d}"


def ensure_partitions(
    connection: psycopg.Connection[Any], months_ahead: int = 3, now: datetime | None = None
) -> list[str]:
    """Make each table's partition of this month and the next `months_ahead`, and of what waits in DEFAULT.

    Returns:
        The names of the partitions made. Each is made in a transaction of its own; may run beside itself.

    Raises:
        psycopg.errors.LockNotAvailable: a long transaction holds the table; those made so far stay.
    """
    first = Month.of(now or utc_now())
    wanted = [first.plus(ahead) for ahead in range(months_ahead + 1)]
    made = []
    for table in PARTITIONED:
        months = {*wanted, *_months_in_default(connection, table, wanted[-1].end)}
        existing = set(partition_names(connection, table))
        missing = [month for month in sorted(months, key=Month.order) if month.partition_of(table) not in existing]
        made += [month.partition_of(table) for month in missing if _make(connection, table, month)]
    return made


def drop_old_partitions(connection: psycopg.Connection[Any], now: datetime) -> list[str]:
    """Drop the partitions whose every row is older than its table keeps, but for those with a row still needed.

    Returns:
        The names of the partitions dropped.
    """
    dropped = []
    for table, (_, _, days) in PARTITIONED.items():
        if days is None:
            continue
        horizon = now - timedelta(days=days)
        for name in partition_names(connection, table):
            month = _month_of(table, name)
            if month is not None and month.end <= horizon and _drop(connection, table, name):
                dropped.append(name)
    return dropped


def partition_names(connection: psycopg.Connection[Any], table: str) -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass ORDER BY c.relname",
        [table],
    ).fetchall()
    return [row[0] for row in rows]


def _make(connection: psycopg.Connection[Any], table: str, month: Month) -> bool:
    name, (column, kind, _) = sql.Identifier(month.partition_of(table)), PARTITIONED[table]
    low, high = _bound(connection, kind, month.start), _bound(connection, kind, month.end)
    words = {
        "name": name,
        "table": sql.Identifier(table),
        "default": sql.Identifier(f"{table}_default"),
        "column": sql.Identifier(column),
        "low": low,
        "high": high,
    }
    with connection.transaction():
        _take_turn(connection, table)
        if month.partition_of(table) in partition_names(connection, table):
            return False  # somebody else's turn made it
        # Made beside the table and attached, because CREATE ... PARTITION OF would stop every reader meanwhile.
        connection.execute(
            sql.SQL("CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(**words)
        )
        connection.execute(
            sql.SQL(
                "WITH moved AS (DELETE FROM {default} WHERE {column} >= {low} AND {column} < {high} RETURNING *)"
                " INSERT INTO {name} SELECT * FROM moved"
            ).format(**words)
        )
        connection.execute(
            sql.SQL("ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})").format(**words)
        )
        return True


def _drop(connection: psycopg.Connection[Any], table: str, name: str) -> bool:
    with connection.transaction():
        _take_turn(connection, table)
        if name not in partition_names(connection, table):
            return False
        partition = sql.Identifier(name)
        if table in STILL_NEEDED:
            needed = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(partition, sql.SQL(STILL_NEEDED[table]))
            row = connection.execute(needed).fetchone()
            if row is not None and row[0]:
                return False
        connection.execute(sql.SQL("DROP TABLE {}").format(partition))
        return True


def _take_turn(connection: psycopg.Connection[Any], table: str) -> None:
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(_LOCK_TIMEOUT))
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('partitions of ' || %s))", [table])


def _bound(connection: psycopg.Connection[Any], kind: str, instant: datetime) -> sql.Literal:
    if kind == "time":
        return sql.Literal(instant)
    row = connection.execute("SELECT uuid7_floor(%s)", [instant]).fetchone()
    assert row is not None
    return sql.Literal(row[0])


def _months_in_default(connection: psycopg.Connection[Any], table: str, before: datetime) -> list[Month]:
    """Months before that instant, and after the platform's first: an id that says otherwise stays where it is."""
    column, kind, _ = PARTITIONED[table]
    instant = sql.Identifier(column) if kind == "time" else sql.SQL("uuid7_time({})").format(sql.Identifier(column))
    rows = connection.execute(
        sql.SQL(
            "SELECT DISTINCT date_trunc('month', {instant}, 'UTC') FROM {default}"
            " WHERE {instant} >= '2026-01-01Z' AND {instant} < {before}"
        ).format(instant=instant, default=sql.Identifier(f"{table}_default"), before=sql.Literal(before))
    ).fetchall()
    return [Month.of(row[0]) for row in rows]


def _month_of(table: str, partition: str) -> Month | None:
    digits = partition.removeprefix(f"{table}_p")
    return Month(int(digits[:4]), int(digits[4:])) if len(digits) == 6 and digits.isdecimal() else None
