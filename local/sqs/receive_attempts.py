"""ReceiveRequestAttemptId: a FIFO receive whose answer was lost can be asked for again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.sqs.fifo import refresh_group

if TYPE_CHECKING:
    from local.sqs.queue import Queue
    from local.sqs.store import Store


def remember_attempt(store: Store, queue: Queue, attempt_id: str, seqs: list[int], now_ms: int) -> None:
    receipts = {seq: _receipt_of(store, seq) for seq in seqs}
    expires_ms = now_ms + int(store.limits.receive_attempt_seconds * 1000)
    store.execute(
        "INSERT OR REPLACE INTO receive_attempts VALUES (?, ?, ?, ?)",
        (queue.id, attempt_id, json.dumps(receipts), expires_ms),
    )


def same_again(store: Store, queue: Queue, attempt_id: str, visible_ms: int, now_ms: int) -> list[int] | None:
    """The messages of that attempt, held anew, if each is still in flight with the receipt given then."""
    row = store.execute(
        "SELECT receipts FROM receive_attempts WHERE queue_id = ? AND attempt_id = ? AND expires_ms > ?",
        (queue.id, attempt_id, now_ms),
    ).fetchone()
    if row is None:
        return None
    receipts = {int(seq): tuple(state) for seq, state in json.loads(row[0]).items()}
    if any(_receipt_of(store, seq) != state or state[1] <= now_ms for seq, state in receipts.items()):
        return None
    groups = set()
    for seq in receipts:
        store.execute("UPDATE messages SET visible_ms = ? WHERE seq = ?", (visible_ms, seq))
        groups.add(store.execute("SELECT fifo_group FROM messages WHERE seq = ?", (seq,)).fetchone()[0])
    for group in groups:
        refresh_group(store, queue.id, group, now_ms)
    remember_attempt(store, queue, attempt_id, list(receipts), now_ms)
    return list(receipts)


def _receipt_of(store: Store, seq: int) -> tuple[str, int] | None:
    row = store.execute("SELECT receipt, visible_ms FROM messages WHERE seq = ?", (seq,)).fetchone()
    return None if row is None else (row[0], row[1])
