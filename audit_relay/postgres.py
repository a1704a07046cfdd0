"""A connection that a loop keeps to itself and makes anew when it breaks. No state of it needs to last (RDS Proxy)."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]
# A relay that froze in the middle of a cut must not hold its shard's row for ever: Postgres ends the transaction, and
# another relay takes the lease. For the transaction only, because a proxy hands the connection on.
_LET_GO = "SET LOCAL idle_in_transaction_session_timeout = '10s'"
Transaction = psycopg.Connection[Row]


class Session:
    """Postgres for one thread at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Transaction | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit at the end, roll back on an exception, reconnect where the last one broke.

        Raises:
            psycopg.OperationalError: Postgres can't be reached, or went away, perhaps after the commit.
        """
        connection = self._open()
        try:
            with connection.transaction():
                connection.execute(_LET_GO)
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _open(self) -> Transaction:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.Connection[Row].connect(
                self._url,
                autocommit=True,
                prepare_threshold=None,  # RDS Proxy pins a connection with prepared statements
                row_factory=dict_row,
                application_name="audit_relay",
                connect_timeout=3,
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=10_000,  # ms: a holder that the network cut off must not wait for hours
            )
        return self._connection
