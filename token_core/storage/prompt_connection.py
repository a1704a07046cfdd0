"""A Postgres connection that is given up soon: psycopg waits 5 s for a cancel request and 5 s for its effect."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import waiting
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

if TYPE_CHECKING:
    from psycopg.abc import PQGen

_GIVE_UP_SECONDS = 0.3
_INTERVAL_SECONDS = 0.1  # psycopg's own

RV = TypeVar("RV")


class PromptConnection(psycopg.AsyncConnection[TupleRow]):
    """Where a wait is cancelled (a timeout), the server is asked to cancel too.

    One that doesn't answer even that loses the connection.
    """

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = _INTERVAL_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109  psycopg's signature
    ) -> RV:
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout)
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                await self._give_up(gen)
            raise

    async def _give_up(self, gen: PQGen[RV]) -> None:
        try:
            await self.cancel_safe(timeout=_GIVE_UP_SECONDS)
            await waiting.wait_async(gen, self.pgconn.socket, interval=_INTERVAL_SECONDS, timeout=_GIVE_UP_SECONDS)
        except psycopg.errors.QueryCanceled:
            return
        except psycopg.Error:
            self.pgconn.finish()
        except BaseException:  # cancelled again: nothing is known of the connection
            self.pgconn.finish()
            raise
