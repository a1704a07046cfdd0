"""StartMessageMoveTask and its siblings: redriving a dead-letter queue, as a task that survives a restart."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING

from local.sqs.errors import RESOURCE_NOT_FOUND, UNSUPPORTED_OPERATION, SqsError, invalid_value
from local.sqs.redrive import redrive_message
from local.sqs.store import epoch_ms

if TYPE_CHECKING:
    from local.sqs.limits import SenderId
    from local.sqs.parameters import JsonObject, Parameters
    from local.sqs.queue import Queue
    from local.sqs.store import Store

MOST_PER_SECOND = 500
MOST_LISTED = 10
PER_STEP = 50


def sources_of(store: Store, target: Queue) -> list[Queue]:
    """The queues whose RedrivePolicy names `target`."""
    queues = (store.find(name) for name in store.names())
    return [queue for queue in queues if queue and queue.redrive and queue.redrive.dead_letter_arn == target.arn]


def start_message_move_task(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    """Raises: SqsError ResourceNotFoundException for an unknown queue, UnsupportedOperation for what is no DLQ."""
    source_arn = parameters.required_text("SourceArn")
    destination_arn = parameters.text("DestinationArn")
    per_second = parameters.integer("MaxNumberOfMessagesPerSecond", 1, MOST_PER_SECOND)
    source = _by_arn(store, source_arn)
    destination = _by_arn(store, destination_arn) if destination_arn else None
    if not sources_of(store, source):
        raise SqsError(UNSUPPORTED_OPERATION, "Source queue must be configured as a Dead Letter Queue.")
    if destination is not None and (destination.id == source.id or destination.is_fifo != source.is_fifo):
        raise invalid_value("DestinationArn", destination_arn, "Must be another queue of the same type as the source.")
    running = store.execute(
        "SELECT 1 FROM move_tasks WHERE source = ? AND status IN ('RUNNING', 'CANCELLING')", (source_arn,)
    )
    if running.fetchone() is not None:
        message = (
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
        )
        raise SqsError(UNSUPPORTED_OPERATION, message)
    to_move, last_seq = store.execute(
        "SELECT count(*), coalesce(max(seq), 0) FROM messages WHERE queue_id = ?", (source.id,)
    ).fetchone()
    handle = base64.b64encode(json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": source_arn}).encode()).decode()
    store.execute(
        "INSERT INTO move_tasks VALUES (?, ?, ?, ?, 'RUNNING', 0, ?, ?, NULL, ?)",
        (handle, source_arn, destination_arn, per_second, to_move, last_seq, epoch_ms()),
    )
    return {"TaskHandle": handle}


def list_message_move_tasks(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    """The source's tasks, newest first; the handle is given only of one that runs."""
    source_arn = parameters.required_text("SourceArn")
    maximum = parameters.integer("MaxResults", 1, MOST_LISTED)
    _by_arn(store, source_arn)
    results: list[JsonObject] = []
    for handle, destination, per_second, status, moved, to_move, failure, started_ms in store.execute(
        "SELECT handle, destination, per_second, status, moved, to_move, failure, started_ms FROM move_tasks"
        " WHERE source = ? ORDER BY started_ms DESC, rowid DESC LIMIT ?",
        (source_arn, maximum or 1),
    ):
        result = {
            "TaskHandle": handle if status == "RUNNING" else None,
            "Status": status,
            "SourceArn": source_arn,
            "DestinationArn": destination,
            "MaxNumberOfMessagesPerSecond": per_second,
            "ApproximateNumberOfMessagesMoved": moved,
            "ApproximateNumberOfMessagesToMove": to_move,
            "FailureReason": failure,
            "StartedTimestamp": started_ms,
        }
        results.append({name: value for name, value in result.items() if value is not None})
    return {"Results": results}


def cancel_message_move_task(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    """Raises: SqsError ResourceNotFoundException when there is no such task, or it runs no longer."""
    handle = parameters.required_text("TaskHandle")
    row = store.execute("SELECT status, moved FROM move_tasks WHERE handle = ?", (handle,)).fetchone()
    if row is None or row[0] != "RUNNING":
        raise SqsError(RESOURCE_NOT_FOUND, "Task does not exist or is not running.")
    store.execute("UPDATE move_tasks SET status = 'CANCELLED' WHERE handle = ?", (handle,))
    return {"ApproximateNumberOfMessagesMoved": row[1]}


def running_tasks(store: Store) -> list[str]:
    return [handle for (handle,) in store.execute("SELECT handle FROM move_tasks WHERE status = 'RUNNING'")]


def step(store: Store, handle: str) -> float | None:
    """Moves the next messages; returns after how many seconds to go on, None when the task is over."""
    row = store.execute(
        "SELECT source, destination, per_second, last_seq FROM move_tasks WHERE handle = ? AND status = 'RUNNING'",
        (handle,),
    ).fetchone()
    if row is None:
        return None
    source_arn, destination_arn, per_second, last_seq = row
    source = store.find_by_arn(source_arn)
    if source is None:
        _fail(store, handle, "AWS.SimpleQueueService.NonExistentQueue")
        return None
    now_ms = epoch_ms()
    # Up to last_seq: what arrives later is not this task's, so that a message that fails again can't go round for ever.
    messages = store.execute(
        "SELECT seq, dead_letter_source FROM messages WHERE queue_id = ? AND visible_ms <= ? AND seq <= ?"
        " ORDER BY seq LIMIT ?",
        (source.id, now_ms, last_seq, min(per_second or PER_STEP, PER_STEP)),
    ).fetchall()
    for seq, dead_letter_source in messages:
        destination = store.find_by_arn(destination_arn or dead_letter_source or "")
        if destination is None:
            _fail(store, handle, "CouldNotDetermineMessageSource")
            return None
        redrive_message(store, source, destination, seq, now_ms)
        store.execute("UPDATE move_tasks SET moved = moved + 1 WHERE handle = ?", (handle,))
    if not messages:
        store.execute("UPDATE move_tasks SET status = 'COMPLETED' WHERE handle = ?", (handle,))
        return None
    return len(messages) / per_second if per_second else 0.0


def _fail(store: Store, handle: str, reason: str) -> None:
    store.execute("UPDATE move_tasks SET status = 'FAILED', failure = ? WHERE handle = ?", (reason, handle))


def _by_arn(store: Store, arn: str) -> Queue:
    queue = store.find_by_arn(arn)
    if queue is None:
        raise SqsError(RESOURCE_NOT_FOUND, "The resource that you specified for the SourceArn parameter doesn't exist.")
    return queue
