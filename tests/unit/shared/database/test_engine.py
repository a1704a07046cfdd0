from __future__ import annotations

import psycopg
import pytest
import sqlalchemy

from shared.database.engine import create_engine, sqlalchemy_url


def test_the_platforms_url_becomes_sqlalchemys() -> None:
    assert sqlalchemy_url("postgresql://u:p@h:1/d") == "postgresql+psycopg://u:p@h:1/d"


def test_no_statement_is_ever_prepared_because_the_proxy_takes_none(postgres_dsn: str) -> None:
    engine = create_engine(postgres_dsn)
    with engine.connect() as connection:
        for _ in range(20):
            connection.execute(sqlalchemy.text("SELECT count(*) FROM users WHERE email = :email"), {"email": "x"})
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar() == 0
    engine.dispose()


def test_a_failing_statements_values_are_not_in_the_error(postgres_dsn: str) -> None:
    engine = create_engine(postgres_dsn)
    with pytest.raises(sqlalchemy.exc.DBAPIError) as caught, engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT nothing_such WHERE :value = 'x'"), {"value": "hunter2"})
    assert "hunter2" not in str(caught.value)
    engine.dispose()


def test_a_connection_that_died_is_replaced_unseen(postgres_dsn: str) -> None:
    engine = create_engine(postgres_dsn)
    with engine.connect() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    with psycopg.connect(postgres_dsn, autocommit=True) as killer:
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()
