"""What survives a restart of the service: when each schedule is due, and asynchronous invocations not yet done."""

from __future__ import annotations

import sqlite3
import uuid
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS schedules (
  name TEXT PRIMARY KEY, expression TEXT NOT NULL, next_due_ms INTEGER NOT NULL, fired INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS asynchronous (
  id TEXT PRIMARY KEY, function TEXT NOT NULL, payload BLOB NOT NULL, attempts INTEGER NOT NULL, due_ms INTEGER NOT NULL
);
"""


class AsynchronousInvocation(NamedTuple):
    id: str
    function: str
    payload: bytes
    attempts: int
    due_ms: int


class StateStore:
    """Each method is one durable transaction."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(state_dir / "lambda.sqlite3", isolation_level=None, timeout=2)
        self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(TABLES)

    def close(self) -> None:
        self._connection.close()

    def schedule_due(self, name: str, expression: str, first_due_ms: int) -> tuple[int, int]:
        """When it is due and how often it fired; a new or changed expression begins at `first_due_ms`."""
        self._connection.execute(
            "INSERT INTO schedules (name, expression, next_due_ms) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET expression = excluded.expression, next_due_ms = excluded.next_due_ms"
            " WHERE expression <> excluded.expression",
            (name, expression, first_due_ms),
        )
        row = self._connection.execute("SELECT next_due_ms, fired FROM schedules WHERE name = ?", (name,))
        next_due_ms, fired = row.fetchone()
        return next_due_ms, fired

    def fire_schedule(self, name: str, next_due_ms: int, function: str, payload: bytes, now_ms: int) -> None:
        """Moves the schedule on and queues its invocation, both or neither: neither doubled nor forgotten."""
        self._connection.execute("BEGIN")
        self._connection.execute(
            "UPDATE schedules SET next_due_ms = ?, fired = fired + 1 WHERE name = ?", (next_due_ms, name)
        )
        self._connection.execute(
            "INSERT INTO asynchronous VALUES (?, ?, ?, 0, ?)", (str(uuid.uuid4()), function, payload, now_ms)
        )
        self._connection.execute("COMMIT")

    def add_asynchronous(self, function: str, payload: bytes, due_ms: int) -> None:
        self._connection.execute(
            "INSERT INTO asynchronous VALUES (?, ?, ?, 0, ?)", (str(uuid.uuid4()), function, payload, due_ms)
        )

    def asynchronous(self) -> list[AsynchronousInvocation]:
        rows = self._connection.execute(
            "SELECT id, function, payload, attempts, due_ms FROM asynchronous ORDER BY due_ms"
        )
        return [AsynchronousInvocation(*row) for row in rows]

    def retry_asynchronous(self, invocation_id: str, attempts: int, due_ms: int) -> None:
        self._connection.execute(
            "UPDATE asynchronous SET attempts = ?, due_ms = ? WHERE id = ?", (attempts, due_ms, invocation_id)
        )

    def forget_asynchronous(self, invocation_id: str) -> None:
        self._connection.execute("DELETE FROM asynchronous WHERE id = ?", (invocation_id,))
