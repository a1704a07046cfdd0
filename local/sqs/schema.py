"""The SQLite tables, and how the file is opened so that a commit survives kill -9 and power loss."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS queues (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  attributes TEXT NOT NULL,
  tags TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  modified_ms INTEGER NOT NULL,
  purged_ms INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS deleted_queues (name TEXT PRIMARY KEY, deleted_ms INTEGER NOT NULL) WITHOUT ROWID;

-- One row per message, kept small because each receive rewrites it; what never changes is in contents.
-- receipt is the nonce of the last receive; a row is in flight while it has one and visible_ms lies ahead.
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  queue_id INTEGER NOT NULL,
  fifo_group TEXT,
  sent_ms INTEGER NOT NULL,
  visible_ms INTEGER NOT NULL,
  receive_count INTEGER NOT NULL DEFAULT 0,
  first_received_ms INTEGER,
  received_ms INTEGER,
  receipt TEXT,
  dead_letter_source TEXT
);
CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (queue_id, visible_ms);
CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue_id, sent_ms);
CREATE INDEX IF NOT EXISTS messages_in_group ON messages (queue_id, fifo_group, seq) WHERE fifo_group IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_in_flight ON messages (queue_id, visible_ms) WHERE receipt IS NOT NULL;
CREATE TABLE IF NOT EXISTS contents (
  seq INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL,
  sender_id TEXT NOT NULL,
  body TEXT NOT NULL,
  body_md5 TEXT NOT NULL,
  attributes TEXT,
  system TEXT NOT NULL
);

-- A group may be received from when ready_ms has passed: until then some of it is in flight, or its head delayed.
CREATE TABLE IF NOT EXISTS fifo_groups (
  queue_id INTEGER NOT NULL,
  fifo_group TEXT NOT NULL,
  head_seq INTEGER NOT NULL,
  ready_ms INTEGER NOT NULL,
  PRIMARY KEY (queue_id, fifo_group)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fifo_groups_ready ON fifo_groups (queue_id, ready_ms, head_seq);
CREATE TABLE IF NOT EXISTS deduplications (
  queue_id INTEGER NOT NULL,
  scope TEXT NOT NULL,
  deduplication_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  sequence_number TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  PRIMARY KEY (queue_id, scope, deduplication_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deduplications_by_expiry ON deduplications (expires_ms);
CREATE TABLE IF NOT EXISTS receive_attempts (
  queue_id INTEGER NOT NULL,
  attempt_id TEXT NOT NULL,
  receipts TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  PRIMARY KEY (queue_id, attempt_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS move_tasks (
  handle TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  destination TEXT,
  per_second INTEGER,
  status TEXT NOT NULL,
  moved INTEGER NOT NULL DEFAULT 0,
  to_move INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  failure TEXT,
  started_ms INTEGER NOT NULL
);
"""


def open_database(data_dir: Path) -> sqlite3.Connection:
    """Opens (or creates) `sqs.sqlite3` in data_dir for this process alone.

    Raises: sqlite3.OperationalError when another process has it open.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        data_dir / "sqs.sqlite3", isolation_level=None, check_same_thread=False, cached_statements=256, timeout=2
    )
    # Waiting receivers live in memory, so two processes on one file would not wake each other: the lock is ours alone.
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA cache_size=-65536")
    connection.executescript(TABLES)
    return connection
