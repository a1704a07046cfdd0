"""Moving a message between queues: to the dead-letter queue after maxReceiveCount, and back by a move task."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from local.sqs.expiry import remove_message
from local.sqs.fifo import add_to_group, refresh_group

if TYPE_CHECKING:
    from local.sqs.queue import Queue
    from local.sqs.store import Store


def dead_letter_queue(store: Store, queue: Queue) -> tuple[Queue, int] | None:
    """Where messages go after how many receives; None without a policy, or when that queue is gone."""
    redrive = queue.redrive
    target = store.find_by_arn(redrive.dead_letter_arn) if redrive is not None else None
    return (target, redrive.max_receive_count) if redrive is not None and target is not None else None


def move_to_dead_letters(store: Store, source: Queue, target: Queue, seq: int, now_ms: int) -> None:
    """Keeps id, body, attributes, group and receive count.

    The time of sending, and so the age at which the message expires, stays in a standard queue and starts anew in a
    FIFO one (developer guide, "Dead-letter queues").
    """
    new_seq = store.execute(
        "INSERT INTO messages (queue_id, fifo_group, sent_ms, visible_ms, receive_count, first_received_ms,"
        " dead_letter_source) SELECT ?, fifo_group, CASE WHEN fifo_group IS NULL THEN sent_ms ELSE ? END, ?,"
        " receive_count, first_received_ms, ? FROM messages WHERE seq = ?",
        (target.id, now_ms, now_ms, source.arn, seq),
    ).lastrowid
    assert new_seq is not None
    store.execute("UPDATE contents SET seq = ? WHERE seq = ?", (new_seq, seq))
    _leave_and_join(store, source, target, seq, new_seq, now_ms)


def redrive_message(store: Store, source: Queue, target: Queue, seq: int, now_ms: int) -> None:
    """Sends the message anew: with a new id, time of sending and receive count (StartMessageMoveTask)."""
    delay_ms = target.number("DelaySeconds") * 1000
    new_seq = store.execute(
        "INSERT INTO messages (queue_id, fifo_group, sent_ms, visible_ms)"
        " SELECT ?, fifo_group, ?, ? FROM messages WHERE seq = ?",
        (target.id, now_ms, now_ms + delay_ms, seq),
    ).lastrowid
    assert new_seq is not None
    store.execute("UPDATE contents SET seq = ?, message_id = ? WHERE seq = ?", (new_seq, str(uuid.uuid4()), seq))
    _leave_and_join(store, source, target, seq, new_seq, now_ms)


def _leave_and_join(store: Store, source: Queue, target: Queue, seq: int, new_seq: int, now_ms: int) -> None:
    remove_message(store, seq)
    group, visible_ms = store.execute(
        "SELECT fifo_group, visible_ms FROM messages WHERE seq = ?", (new_seq,)
    ).fetchone()
    if group is not None:
        refresh_group(store, source.id, group, now_ms)
        add_to_group(store, target.id, group, new_seq, visible_ms)
    store.touch(target.id)
    store.touch(source.id)
