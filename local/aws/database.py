"""The SQLite file of what must last. A commit is on disk when it returns (synchronous=FULL)."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
  name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, region TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bucket_configs (
  bucket TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (bucket, name)) WITHOUT ROWID;
-- One row for each version of an object; sequence orders the versions of a key. blob is NULL for a delete marker.
CREATE TABLE IF NOT EXISTS objects (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, key TEXT NOT NULL, version_id TEXT NOT NULL,
  is_latest INTEGER NOT NULL, blob TEXT, size INTEGER NOT NULL, etag TEXT NOT NULL, modified_ms INTEGER NOT NULL,
  headers TEXT NOT NULL, tags TEXT NOT NULL, UNIQUE (bucket, key, version_id));
CREATE UNIQUE INDEX IF NOT EXISTS objects_latest ON objects (bucket, key) WHERE is_latest;
CREATE INDEX IF NOT EXISTS objects_versions ON objects (bucket, key, sequence);
CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, initiated_ms INTEGER NOT NULL,
  headers TEXT NOT NULL, tags TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
  upload TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
  modified_ms INTEGER NOT NULL, PRIMARY KEY (upload, number)) WITHOUT ROWID;
-- Messages for queues, written in the transaction of what they tell of, deleted once the queue has them.
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mails (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sent_ms INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mail_recipients (
  address TEXT NOT NULL, mail INTEGER NOT NULL, PRIMARY KEY (address, mail)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ses_event_destinations (
  configuration_set TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (configuration_set, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS service_states (
  service TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, state BLOB NOT NULL,
  PRIMARY KEY (service, account, region)) WITHOUT ROWID;
"""


class Database:
    """One writer at a time (a lock, not SQLITE_BUSY); readers on a connection for each thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._write_lock = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        self._opened.append(connection)
        return connection

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's connection. Use it for one statement at a time: each sees the last commit."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = self._connect()
        return found

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; durable when the block is left."""
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def close(self) -> None:
        for connection in self._opened:
            connection.close()
