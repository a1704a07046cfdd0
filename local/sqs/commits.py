"""Group commit: the work of all requests that wait shares one transaction and so one fsync."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

T = TypeVar("T")
log = logging.getLogger(__name__)


class GroupCommit:
    """Runs pieces of work in order, each whole or not at all, and answers each only when its commit is on disk.

    Statements run on the event loop (they take microseconds); only the commit, which waits for the disk, has a
    thread. While it waits, further work gathers for the next transaction.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, on_commit: Callable[[], None], on_rollback: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._on_commit = on_commit
        self._on_rollback = on_rollback
        self._pending: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqs-commit")
        self._drain: asyncio.Task[None] | None = None
        self.commits = 0

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Queues work. The future raises what the work raised, or what made the commit fail."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._pending.append((work, future))
        if self._drain is None or self._drain.done():
            self._drain = loop.create_task(self._run())
        return future

    async def close(self) -> None:
        if self._drain is not None:
            await self._drain
        self._thread.shutdown()
        self._connection.close()

    async def _run(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            outcomes: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
            try:
                await self._transact(batch, outcomes)
                self._on_commit()
            except Exception as error:  # a full disk, above all; who waits must hear of anything else too
                log.exception("commit failed")
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._on_rollback()
                outcomes = [(future, None, error) for _, future in batch]
            for future, result, failure in outcomes:
                if future.done():
                    continue
                if failure is None:
                    future.set_result(result)
                else:
                    future.set_exception(failure)

    async def _transact(
        self,
        batch: list[tuple[Callable[[], Any], asyncio.Future[Any]]],
        outcomes: list[tuple[asyncio.Future[Any], Any, Exception | None]],
    ) -> None:
        execute = self._connection.execute
        changes = self._connection.total_changes
        execute("BEGIN")
        for work, future in batch:
            if future.cancelled():
                continue
            execute("SAVEPOINT work")
            try:
                outcomes.append((future, work(), None))
            except Exception as error:  # noqa: BLE001 - belongs to the one who asked; the others' work goes on
                execute("ROLLBACK TO work")
                self._on_rollback()
                outcomes.append((future, None, error))
            execute("RELEASE work")
        if self._connection.total_changes == changes:
            execute("COMMIT")  # nothing was written: no fsync, no thread
            return
        self.commits += 1
        await asyncio.get_running_loop().run_in_executor(self._thread, execute, "COMMIT")
