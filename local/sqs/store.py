"""What every operation works on: the open database, the queues' names, and who waits for messages."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from local.sqs.commits import GroupCommit
from local.sqs.errors import INVALID_ADDRESS, SqsError, queue_does_not_exist
from local.sqs.queue import Queue
from local.sqs.schema import open_database
from local.sqs.waiters import Waiters

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from local.sqs.limits import Limits


def epoch_ms() -> int:
    return time.time_ns() // 1_000_000


class Store:
    """Operations call its methods inside a piece of work given to `commits`, and only there."""

    def __init__(self, data_dir: Path, *, region: str, account_id: str, base_url: str, limits: Limits) -> None:
        self._connection = open_database(data_dir)
        self.region = region
        self.account_id = account_id
        self.base_url = base_url.rstrip("/")
        self.limits = limits
        self.waiters = Waiters()
        self._queues: dict[str, Queue] = {}
        self._touched: set[int] = set()
        self.in_flight_at_most: dict[int, int] = {}
        """Per queue, a number that its messages in flight don't exceed: counted once, then only added to."""
        self.commits = GroupCommit(self._connection, on_commit=self._wake_touched, on_rollback=self.forget_queues)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    def touch(self, queue_id: int) -> None:
        """Notes that the queue may have something for its waiting receivers, who look again after the commit."""
        self._touched.add(queue_id)

    def _wake_touched(self) -> None:
        touched, self._touched = self._touched, set()
        for queue_id in touched:
            self.waiters.wake(queue_id)

    def forget_queues(self) -> None:
        """Drops the cached queues: after any change of one, and after a rollback."""
        self._queues.clear()

    def arn(self, name: str) -> str:
        return f"arn:aws:sqs:{self.region}:{self.account_id}:{name}"

    def url(self, name: str) -> str:
        return f"{self.base_url}/{self.account_id}/{name}"

    def find(self, name: str) -> Queue | None:
        queue = self._queues.get(name)
        if queue is None:
            row = self.execute(
                "SELECT id, name, attributes, tags, created_ms, modified_ms FROM queues WHERE name = ?", (name,)
            ).fetchone()
            if row is None:
                return None
            queue = Queue(row[0], name, self.arn(name), json.loads(row[2]), json.loads(row[3]), row[4], row[5])
            self._queues[name] = queue
        return queue

    def find_by_arn(self, arn: str) -> Queue | None:
        prefix, _, name = arn.rpartition(":")
        return self.find(name) if prefix == self.arn("").rstrip(":") else None

    def by_url(self, url: str) -> Queue:
        """The queue of a QueueUrl, whatever host it names: a gateway may stand in front.

        Raises: SqsError QueueDoesNotExist, or InvalidAddress for what is no queue URL.
        """
        parts = url.rstrip("/").rsplit("/", 2)
        if len(parts) != 3:
            raise SqsError(INVALID_ADDRESS, f"The address {url} is not valid for this endpoint.")
        queue = self.find(parts[2]) if parts[1] == self.account_id else None
        if queue is None:
            raise queue_does_not_exist()
        return queue

    def names(self) -> list[str]:
        return [name for (name,) in self.execute("SELECT name FROM queues ORDER BY name")]
