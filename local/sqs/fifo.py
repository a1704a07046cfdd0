"""What makes a FIFO queue: groups that are held while one of their messages is in flight, and deduplication.

A row of fifo_groups says from when a group may be received from. It is rewritten whenever one of the group's
messages is received, deleted, expired or moved; a send only adds the row of a new group.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from local.sqs.queue import Queue
    from local.sqs.store import Store

MOST_IN_FLIGHT_PER_GROUP = 10
"""A group is received from only when none of it is in flight, and then at most ten at a time: a prefix of it."""


class Sent(NamedTuple):
    message_id: str
    sequence_number: str


def sequence_number(seq: int) -> str:
    """Twenty digits, growing, with gaps: the form that AWS's have."""
    return str(18_800_000_000_000_000_000 + seq * 256)


def content_deduplication_id(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def sent_before(store: Store, queue: Queue, group: str, deduplication_id: str, now_ms: int) -> Sent | None:
    """What was answered to the first message of that deduplication id in the last five minutes, deleted or not."""
    row = store.execute(
        "SELECT message_id, sequence_number FROM deduplications"
        " WHERE queue_id = ? AND scope = ? AND deduplication_id = ? AND expires_ms > ?",
        (queue.id, group if queue.deduplicates_per_group else "", deduplication_id, now_ms),
    ).fetchone()
    return None if row is None else Sent(*row)


def remember_sent(store: Store, queue: Queue, group: str, deduplication_id: str, sent: Sent, now_ms: int) -> None:
    store.execute(
        "INSERT OR REPLACE INTO deduplications VALUES (?, ?, ?, ?, ?, ?)",
        (
            queue.id,
            group if queue.deduplicates_per_group else "",
            deduplication_id,
            sent.message_id,
            sent.sequence_number,
            now_ms + int(store.limits.deduplication_seconds * 1000),
        ),
    )


def add_to_group(store: Store, queue_id: int, group: str, seq: int, visible_ms: int) -> None:
    """A new tail changes nothing for a group that exists: its head and what is in flight stay."""
    store.execute("INSERT OR IGNORE INTO fifo_groups VALUES (?, ?, ?, ?)", (queue_id, group, seq, visible_ms))


def refresh_group(store: Store, queue_id: int, group: str, now_ms: int) -> None:
    """Recomputes from when the group may be received from, after any of its messages changed."""
    rows = store.execute(
        "SELECT seq, visible_ms, receipt FROM messages WHERE queue_id = ? AND fifo_group = ? ORDER BY seq LIMIT ?",
        (queue_id, group, MOST_IN_FLIGHT_PER_GROUP),
    ).fetchall()
    if not rows:
        store.execute("DELETE FROM fifo_groups WHERE queue_id = ? AND fifo_group = ?", (queue_id, group))
        return
    head_seq, head_visible_ms, _ = rows[0]
    ready_ms = max(head_visible_ms, now_ms, *(visible for _, visible, receipt in rows if receipt is not None))
    # now_ms at least: a group just served goes behind those that wait longer, so that none starves.
    store.execute("INSERT OR REPLACE INTO fifo_groups VALUES (?, ?, ?, ?)", (queue_id, group, head_seq, ready_ms))
