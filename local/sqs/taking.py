"""Which messages a receive takes; what was received too often goes to the dead-letter queue on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sqs.fifo import refresh_group
from local.sqs.receipts import new_nonce
from local.sqs.redrive import dead_letter_queue, move_to_dead_letters

if TYPE_CHECKING:
    from local.sqs.queue import Queue
    from local.sqs.store import Store


def take_from_standard(store: Store, queue: Queue, maximum: int, visible_ms: int, now_ms: int) -> list[int]:
    target = dead_letter_queue(store, queue)
    taken: list[int] = []
    while len(taken) < maximum:
        wanted = maximum - len(taken)
        rows = store.execute(
            "SELECT seq, receive_count FROM messages WHERE queue_id = ? AND visible_ms <= ?"
            " ORDER BY visible_ms, seq LIMIT ?",
            (queue.id, now_ms, wanted),
        ).fetchall()
        for seq, receive_count in rows:
            if target is not None and receive_count >= target[1]:
                move_to_dead_letters(store, queue, target[0], seq, now_ms)
            else:
                _take(store, seq, visible_ms, now_ms)
                taken.append(seq)
        if len(rows) < wanted or visible_ms <= now_ms:
            break  # nothing more; or, with a visibility timeout of 0, the same ones again
    return taken


def take_from_groups(store: Store, queue: Queue, maximum: int, visible_ms: int, now_ms: int) -> list[int]:
    """As many as possible of the group that has waited longest, in order, then of the next one."""
    target = dead_letter_queue(store, queue)
    taken: list[int] = []
    seen: set[str] = set()
    while len(taken) < maximum:
        groups = store.execute(
            "SELECT fifo_group FROM fifo_groups WHERE queue_id = ? AND ready_ms <= ?"
            " ORDER BY ready_ms, head_seq LIMIT ?",
            (queue.id, now_ms, maximum + len(seen)),
        ).fetchall()
        fresh = [group for (group,) in groups if group not in seen]
        if not fresh:
            break
        for group in fresh:
            seen.add(group)
            if len(taken) < maximum:
                taken += _take_from_group(store, queue, group, maximum - len(taken), target, visible_ms, now_ms)
    return taken


def _take_from_group(
    store: Store, queue: Queue, group: str, maximum: int, target: tuple[Queue, int] | None, visible_ms: int, now_ms: int
) -> list[int]:
    """The group's first messages, in order; a delayed one ends them."""
    taken: list[int] = []
    dead: list[int] = []
    rows = store.execute(
        "SELECT seq, receive_count, visible_ms FROM messages WHERE queue_id = ? AND fifo_group = ? ORDER BY seq",
        (queue.id, group),
    )
    for seq, receive_count, message_visible_ms in rows:
        if message_visible_ms > now_ms or len(taken) == maximum:
            break
        (dead if target is not None and receive_count >= target[1] else taken).append(seq)
    rows.close()
    if target is not None:
        for seq in dead:
            move_to_dead_letters(store, queue, target[0], seq, now_ms)
    for seq in taken:
        _take(store, seq, visible_ms, now_ms)
    refresh_group(store, queue.id, group, now_ms)
    return taken


def _take(store: Store, seq: int, visible_ms: int, now_ms: int) -> None:
    store.execute(
        "UPDATE messages SET visible_ms = ?, receipt = ?, receive_count = receive_count + 1, received_ms = ?,"
        " first_received_ms = coalesce(first_received_ms, ?) WHERE seq = ?",
        (visible_ms, new_nonce(), now_ms, now_ms, seq),
    )
