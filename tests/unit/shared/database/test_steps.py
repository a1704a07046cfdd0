from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy.orm import Session

from shared.database.engine import create_engine
from shared.database.steps import Blocking, Statement, run, run_async


def sum_of(numbers: list[int]):
    rows = yield Statement("SELECT n FROM unnest(%(numbers)s::int[]) AS n", {"numbers": numbers})
    doubled = yield Blocking(lambda: [row[0] * 2 for row in rows])
    nothing = yield Statement("CREATE TEMPORARY TABLE scratch (x int)", {})
    assert nothing == []
    return sum(doubled)


def test_sync_callers_get_the_result(connection) -> None:
    assert run(connection, sum_of([1, 2, 3])) == 12


def test_sqlalchemys_connection_and_session_get_the_same(postgres_dsn: str) -> None:
    engine = create_engine(postgres_dsn)
    with engine.begin() as connection:
        assert run(connection, sum_of([1, 2, 3])) == 12
        connection.exec_driver_sql("DROP TABLE scratch")
    with Session(engine) as session:
        assert run(session, sum_of([1, 2, 3])) == 12
    engine.dispose()


async def test_async_callers_get_the_same(async_connection) -> None:
    assert await run_async(async_connection, sum_of([1, 2, 3])) == 12


async def test_what_blocks_does_not_block_the_event_loop(async_connection) -> None:
    release = threading.Event()

    def steps():
        return (yield Blocking(lambda: release.wait(30)))

    waiting = asyncio.create_task(run_async(async_connection, steps()))
    await asyncio.sleep(0)
    assert not waiting.done()
    release.set()
    assert await waiting is True


def test_an_error_of_a_statement_reaches_the_caller(connection) -> None:
    def steps():
        yield Statement("SELECT 1 / %(zero)s", {"zero": 0})

    with pytest.raises(Exception, match="division by zero"):
        run(connection, steps())
