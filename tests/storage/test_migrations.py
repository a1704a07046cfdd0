"""The migrations build exactly what the models say, forward only, on a database of any age."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.database import migrate as migrating
from shared.database.base import PARTITIONED
from shared.database.engine import sqlalchemy_url
from shared.database.models import Base
from shared.database.partitions import is_partition


@pytest.fixture
def empty_dsn(postgres_server) -> Iterator[str]:
    name = f"empty{uuid.uuid4().hex[:12]}"
    yield postgres_server.server.ensure_database(name)
    with psycopg.connect(postgres_server.server.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def is_ours(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or not name or not is_partition(name)


def engine_of(dsn: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(sqlalchemy_url(dsn), poolclass=sqlalchemy.NullPool)


def test_the_migrated_schema_is_what_the_models_say(postgres_dsn: str) -> None:
    with engine_of(postgres_dsn).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_name": is_ours}
        )
        assert compare_metadata(context, Base.metadata) == []


def names(connection: psycopg.Connection, query: str) -> set[str]:
    return {row[0] for row in connection.execute(query).fetchall()}


def test_indexes_and_checks_are_those_of_the_models_also_where_alembic_does_not_look(connection) -> None:
    indexes = names(connection, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
    checks = names(connection, "SELECT conname FROM pg_constraint WHERE contype = 'c'")
    for table in Base.metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["postgresql"]["where"]
            definitions = [text for text in indexes if f"INDEX {index.name} ON" in text]
            assert len(definitions) == 1, index.name
            assert (where is not None) == (" WHERE " in definitions[0]), index.name
        for constraint in table.constraints:
            if isinstance(constraint, sqlalchemy.CheckConstraint):
                assert constraint.name in checks


def test_the_tables_that_grow_for_ever_are_partitioned_with_a_default(connection) -> None:
    partitioned = names(connection, "SELECT relname FROM pg_class WHERE relkind = 'p'")
    assert partitioned == set(PARTITIONED)
    defaults = names(connection, "SELECT relname FROM pg_class WHERE pg_get_expr(relpartbound, oid) = 'DEFAULT'")
    assert defaults == {f"{table}_default" for table in PARTITIONED}


@pytest.mark.parametrize("table", PARTITIONED)
def test_the_key_of_a_partitioned_table_has_its_time_inside(table: str) -> None:
    column = PARTITIONED[table][0]
    assert column in {key.name for key in Base.metadata.tables[table].primary_key}


def test_migrating_again_changes_nothing(postgres_dsn: str) -> None:
    migrating.migrate(postgres_dsn)
    with psycopg.connect(postgres_dsn) as connection:
        assert names(connection, "SELECT version_num FROM alembic_version") == {head()}


def head() -> str:
    script = ScriptDirectory(str(Path(migrating.__file__).parent / "migrations"))
    revision = script.get_current_head()
    assert revision is not None
    return revision


def test_several_that_migrate_at_once_do_it_once(empty_dsn: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrating.migrate, [empty_dsn] * 4))
    with psycopg.connect(empty_dsn) as connection:
        assert names(connection, "SELECT version_num FROM alembic_version") == {head()}


def test_revisions_form_one_line_and_none_has_a_way_back() -> None:
    script = ScriptDirectory(str(Path(migrating.__file__).parent / "migrations"))
    revisions = list(script.walk_revisions())
    assert [revision.revision for revision in reversed(revisions)] == [f"{n:04d}" for n in range(1, len(revisions) + 1)]
    assert [revision for revision in revisions if hasattr(revision.module, "downgrade")] == []


@pytest.mark.parametrize(
    ("instant", "floor"),
    [
        ("1970-01-01T00:00:00Z", "00000000-0000-7000-8000-000000000000"),
        ("2022-02-22T19:22:22Z", "017f22e2-79b0-7000-8000-000000000000"),  # RFC 9562 A.6, its random bits zero
        ("2022-02-22T19:22:22.0009Z", "017f22e2-79b0-7000-8000-000000000000"),
    ],
)
def test_the_floor_of_an_instant_is_its_smallest_uuid7(connection, instant: str, floor: str) -> None:
    row = connection.execute("SELECT uuid7_floor(%s), uuid7_time(uuid7_floor(%s))", [instant, instant]).fetchone()
    assert str(row[0]) == floor
    assert row[1].isoformat()[:19] == instant[:19]
