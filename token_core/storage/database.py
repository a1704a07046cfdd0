"""Postgres for the token core: plain psycopg over one pool per worker, answering in bounded time whatever happens.

One statement is one transaction (autocommit) unless `transaction()` is used. A lost connection is told as 503 and never
as "no"; the pool reconnects by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from token_core.errors import TemporarilyUnavailable
from token_core.storage.prompt_connection import PromptConnection

Connection = psycopg.AsyncConnection[TupleRow]
Parameters = Sequence[Any] | Mapping[str, Any]


class DatabaseDown(TemporarilyUnavailable):
    """Postgres cannot be asked now, or the outcome of a statement is not known."""


class Database:
    """The pool, with the two waits that matter: for a connection, and for a statement.

    Args:
        url: postgresql://…
        prepared: False behind RDS Proxy, where prepared statements pin a connection.
        wait_seconds: for a free connection while Postgres is known to answer; a flood queues up to here.
        down_wait_seconds: the same while it is known to be down.
        statement_seconds: for one statement or one transaction.
        down_statement_seconds: the same while Postgres is known to be down, for each connection left that hangs.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int = 8,
        prepared: bool = True,
        wait_seconds: float = 8.0,
        down_wait_seconds: float = 0.2,
        statement_seconds: float = 4.0,
        down_statement_seconds: float = 1.0,
    ) -> None:
        self._wait, self._down_wait = wait_seconds, down_wait_seconds
        self._statement, self._down_statement = statement_seconds, down_statement_seconds
        self.is_down = False
        self.connection_options: dict[str, Any] = {
            "autocommit": True,
            "prepare_threshold": 2 if prepared else None,
            "connect_timeout": 2,
            "row_factory": tuple_row,
            "application_name": "token_core",
        }
        self.url = url
        self.pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url, connection_class=PromptConnection, kwargs=self.connection_options, min_size=1, max_size=size,
            open=False, reconnect_timeout=5.0, reconnect_failed=self._note_failed, name="token_core",
        )  # fmt: skip

    async def open(self) -> None:
        """Start the pool; it need not reach Postgres yet."""
        await self.pool.open(wait=False)

    async def close(self) -> None:
        await self.pool.close(timeout=2.0)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit mode.

        Raises:
            DatabaseDown: none to be had in time, or it broke.
        """
        held: Connection | None = None
        try:
            async with (
                self._borrowed() as connection,
                asyncio.timeout(self._down_statement if self.is_down else self._statement),
            ):
                held = connection
                yield connection
        except PoolTimeout as error:
            self.is_down = True
            raise DatabaseDown(detail="postgres_no_connection") from error
        except TimeoutError as error:
            # slow, it would have taken the request to cancel; that it didn't says more
            self.is_down = self.is_down or (held is not None and held.closed)
            raise DatabaseDown(detail="postgres_slow") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.is_down = self.is_down or connection_is_lost(error)
            raise DatabaseDown(detail="postgres_failed") from error
        else:
            self.is_down = False

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Connection]:
        connection = await self._borrow()
        try:
            async with connection:
                yield connection
        finally:
            await self.pool.putconn(connection)

    async def _borrow(self) -> Connection:
        """In two waits: a Postgres that is found to be down during the first is not waited for any longer."""
        if self.is_down:
            return await self.pool.getconn(self._down_wait)
        try:
            return await self.pool.getconn(self._wait / 2)
        except PoolTimeout:
            if self.is_down:
                raise
        return await self.pool.getconn(self._wait / 2)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """The same, inside BEGIN … COMMIT. A failure during COMMIT is `DatabaseDown`: the outcome is not known."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch_one(self, sql: LiteralString, parameters: Parameters = ()) -> TupleRow | None:
        """For statements that change something: never repeated here."""
        async with self.connection() as connection:
            return await (await connection.execute(sql, parameters)).fetchone()

    async def execute(self, sql: LiteralString, parameters: Parameters = ()) -> int:
        """Returns how many rows were changed."""
        async with self.connection() as connection:
            return (await connection.execute(sql, parameters)).rowcount

    async def read_one(self, sql: LiteralString, parameters: Parameters = ()) -> TupleRow | None:
        """For SELECTs: asked once more on a fresh connection if the first one was stale (a restarted Postgres)."""
        rows = await self.read_all(sql, parameters)
        return rows[0] if rows else None

    async def read_all(self, sql: LiteralString, parameters: Parameters = ()) -> list[TupleRow]:
        try:
            return await self._read(sql, parameters)
        except DatabaseDown as error:
            if error.detail != "postgres_failed":
                raise
        await self.pool.check()  # drops every connection that the restart left behind
        return await self._read(sql, parameters)

    async def _read(self, sql: LiteralString, parameters: Parameters) -> list[TupleRow]:
        async with self.connection() as connection:
            return await (await connection.execute(sql, parameters)).fetchall()

    def _note_failed(self, _pool: AsyncConnectionPool[Any]) -> None:
        self.is_down = True


def connection_is_lost(error: psycopg.Error) -> bool:
    """Whether the connection itself went, rather than one statement on it (a lock timeout, a cancelled query)."""
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
