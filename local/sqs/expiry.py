"""Removal of messages: by deletion, by purge, and by age (MessageRetentionPeriod)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sqs.fifo import refresh_group

if TYPE_CHECKING:
    from local.sqs.queue import Queue
    from local.sqs.store import Store

EXPIRED_PER_LOOK = 1000


def remove_message(store: Store, seq: int) -> None:
    store.execute("DELETE FROM messages WHERE seq = ?", (seq,))
    store.execute("DELETE FROM contents WHERE seq = ?", (seq,))


def remove_all(store: Store, queue: Queue) -> None:
    """Empties the queue; what was sent in the last five minutes stays known to deduplication."""
    store.execute("DELETE FROM contents WHERE seq IN (SELECT seq FROM messages WHERE queue_id = ?)", (queue.id,))
    store.execute("DELETE FROM messages WHERE queue_id = ?", (queue.id,))
    store.execute("DELETE FROM fifo_groups WHERE queue_id = ?", (queue.id,))


def expire_messages(store: Store, queue: Queue, now_ms: int) -> None:
    """Drops what is older than the queue's retention period; looked up before each receive and each count."""
    cutoff_ms = now_ms - queue.number("MessageRetentionPeriod") * 1000
    expired = store.execute(
        "SELECT seq, fifo_group FROM messages WHERE queue_id = ? AND sent_ms <= ? LIMIT ?",
        (queue.id, cutoff_ms, EXPIRED_PER_LOOK),
    ).fetchall()
    for seq, _ in expired:
        remove_message(store, seq)
    for group in {group for _, group in expired if group is not None}:
        refresh_group(store, queue.id, group, now_ms)


def forget_old(store: Store, now_ms: int) -> None:
    """Housekeeping: expired messages of all queues, and deduplication and receive attempts past their time."""
    for name in store.names():
        queue = store.find(name)
        if queue is not None:
            expire_messages(store, queue, now_ms)
    store.execute("DELETE FROM deduplications WHERE expires_ms <= ?", (now_ms,))
    store.execute("DELETE FROM receive_attempts WHERE expires_ms <= ?", (now_ms,))
    oldest_ms = now_ms - int(store.limits.deleted_name_seconds * 1000)
    store.execute("DELETE FROM deleted_queues WHERE deleted_ms <= ?", (oldest_ms,))
