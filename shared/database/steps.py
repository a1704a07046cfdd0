"""One piece of database logic for two kinds of callers: functions (sync psycopg or SQLAlchemy) and token cores (async).

Logic is a generator that yields statements and gets their rows; `run` and `run_async` drive it. Whatever else may block
(KMS) is yielded as a `Blocking` call, which the async driver moves to a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg.rows import tuple_row

if TYPE_CHECKING:
    import psycopg
    import sqlalchemy
    from sqlalchemy.orm import Session

    SyncConnection = psycopg.Connection[Any] | sqlalchemy.Connection | Session
    AsyncConnection = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with psycopg's named parameters. Its rows come back as tuples; none where it returns none."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Blocking:
    """A call that may wait for something else than Postgres. Its result comes back."""

    call: Callable[[], Any]


ResultT = TypeVar("ResultT")
Steps = Generator[Statement | Blocking, Any, ResultT]


def run(connection: SyncConnection, steps: Steps[ResultT]) -> ResultT:
    """Drive `steps` in the caller's transaction."""
    try:
        step = next(steps)
        while True:
            step = steps.send(step.call() if isinstance(step, Blocking) else _rows(connection, step))
    except StopIteration as end:
        result: ResultT = end.value
        return result


async def run_async(connection: AsyncConnection, steps: Steps[ResultT]) -> ResultT:
    """Drive `steps` in the caller's transaction, without blocking the event loop."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Blocking):
                step = steps.send(await asyncio.to_thread(step.call))
            else:
                cursor = connection.cursor(row_factory=tuple_row)
                await cursor.execute(step.sql.encode(), step.parameters)
                step = steps.send(await cursor.fetchall() if cursor.description else [])
    except StopIteration as end:
        result: ResultT = end.value
        return result


def _rows(connection: Any, statement: Statement) -> list[Any]:
    if hasattr(connection, "get_bind"):  # an ORM session
        connection = connection.connection()
    if hasattr(connection, "exec_driver_sql"):
        result = connection.exec_driver_sql(statement.sql, dict(statement.parameters))
        return [tuple(row) for row in result] if result.returns_rows else []
    cursor = connection.cursor(row_factory=tuple_row)
    cursor.execute(statement.sql.encode(), statement.parameters)
    return cursor.fetchall() if cursor.description else []
