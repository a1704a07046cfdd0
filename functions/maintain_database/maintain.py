"""Makes the months to come, drops the months that nobody needs, and says what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from shared.database.engine import CONNECT_TIMEOUT_SECONDS
from shared.database.partitions import drop_old_partitions, ensure_partitions

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Names of partitions."""

    made: tuple[str, ...]
    dropped: tuple[str, ...]


def maintain(database_url: str, now: datetime, months_ahead: int) -> Maintenance:
    """Safe beside itself and again: each partition is made or dropped in a transaction of its own.

    A partition of the outbox with a row that is not sealed, or whose segment is not sent, stays whatever its age.

    Raises:
        psycopg.OperationalError: Postgres can't be reached, or a table stayed locked; what was done stays done.
    """
    with psycopg.connect(
        database_url, autocommit=True, prepare_threshold=None, connect_timeout=CONNECT_TIMEOUT_SECONDS
    ) as connection:
        made = ensure_partitions(connection, months_ahead, now)
        dropped = drop_old_partitions(connection, now)
    return Maintenance(tuple(made), tuple(dropped))
