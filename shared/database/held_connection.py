"""The one Postgres connection of a function's sandbox, kept between invocations and replaced when it broke."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from shared.clock import monotonic_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECT_TIMEOUT_SECONDS = 5
_IDLE_SECONDS = 1.0  # after this, the other side may have gone: asked before it is used


class HeldConnection:
    """In autocommit mode: transactions are begun by those who need them. Not for several threads.

    Args:
        url: `postgresql://...`; RDS Proxy's will do (no prepared statements, nothing of the session is used).
        name: seen in `pg_stat_activity`.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: psycopg.Connection[Any] | None = None
        self._used_at = 0.0

    @contextmanager
    def use(self) -> Iterator[psycopg.Connection[Any]]:
        """The connection, made or checked where needed.

        Raises:
            psycopg.OperationalError: Postgres can't be reached. The next use tries again.
        """
        connection = self._ready()
        try:
            yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.close()
            raise
        finally:
            self._used_at = monotonic_seconds()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ready(self) -> psycopg.Connection[Any]:
        connection = self._connection
        if connection is not None and not connection.closed:
            if monotonic_seconds() - self._used_at < _IDLE_SECONDS:
                return connection
            try:
                connection.execute("")
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self.close()
            else:
                return connection
        self._connection = psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            application_name=self._name,
        )
        return self._connection
