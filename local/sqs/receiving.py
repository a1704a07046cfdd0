"""ReceiveMessage: one look at a queue; waiting for something to come is in long_polling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from local.sqs.errors import OVER_LIMIT, SqsError, invalid_value
from local.sqs.expiry import expire_messages
from local.sqs.limits import BATCH_ENTRIES, VISIBILITY_SECONDS, WAIT_SECONDS
from local.sqs.receive_attempts import remember_attempt, same_again
from local.sqs.rendering import render
from local.sqs.sending import FIFO_TOKEN
from local.sqs.store import epoch_ms
from local.sqs.taking import take_from_groups, take_from_standard

if TYPE_CHECKING:
    from local.sqs.parameters import JsonObject, Parameters
    from local.sqs.queue import Queue
    from local.sqs.store import Store

SYSTEM_ATTRIBUTES = {
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
}


@dataclass(frozen=True)
class ReceiveRequest:
    queue_url: str
    max_messages: int
    visibility_seconds: int | None
    wait_seconds: int | None
    system_attributes: list[str]
    message_attributes: list[str]
    attempt_id: str | None


class Look(NamedTuple):
    """What a look found; when nothing: from when there may be something without anyone sending (None: never)."""

    queue_id: int
    version: int
    messages: list[JsonObject]
    wait_seconds: int
    next_ms: int | None


def parse_receive(parameters: Parameters) -> ReceiveRequest:
    """Raises: SqsError for a value out of range or an unknown attribute name."""
    maximum = parameters.integer("MaxNumberOfMessages", 1, BATCH_ENTRIES)
    attempt_id = parameters.text("ReceiveRequestAttemptId")
    if attempt_id is not None and not FIFO_TOKEN.fullmatch(attempt_id):
        reason = "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length."
        raise invalid_value("ReceiveRequestAttemptId", attempt_id, reason)
    wanted = parameters.texts("MessageSystemAttributeNames") + parameters.texts("AttributeNames")
    for name in wanted:
        # AttributeNames of this operation shares the queue attributes' type, so AWS takes those names and ignores them.
        if name not in SYSTEM_ATTRIBUTES and not parameters.has("AttributeNames"):
            raise invalid_value("MessageSystemAttributeNames", name, "Unknown attribute name.")
    return ReceiveRequest(
        queue_url=parameters.required_text("QueueUrl"),
        max_messages=1 if maximum is None else maximum,
        visibility_seconds=parameters.integer("VisibilityTimeout", 0, VISIBILITY_SECONDS),
        wait_seconds=parameters.integer("WaitTimeSeconds", 0, WAIT_SECONDS),
        system_attributes=wanted,
        message_attributes=parameters.texts("MessageAttributeNames"),
        attempt_id=attempt_id,
    )


def look(store: Store, request: ReceiveRequest) -> Look:
    """Takes what is available, moving what was received too often to the dead-letter queue on the way.

    Raises: SqsError OverLimit when a standard queue has as many in flight as it may; a FIFO queue then gives nothing.
    """
    queue = store.by_url(request.queue_url)
    now_ms = epoch_ms()
    expire_messages(store, queue, now_ms)
    wait = queue.number("ReceiveMessageWaitTimeSeconds") if request.wait_seconds is None else request.wait_seconds
    visibility = queue.number("VisibilityTimeout") if request.visibility_seconds is None else request.visibility_seconds
    visible_ms = now_ms + visibility * 1000
    attempt_id = request.attempt_id if queue.is_fifo else None
    seqs = same_again(store, queue, attempt_id, visible_ms, now_ms) if attempt_id else None
    if seqs is None:
        find = take_from_groups if queue.is_fifo else take_from_standard
        seqs = find(store, queue, min(_room_in_flight(store, queue, now_ms), request.max_messages), visible_ms, now_ms)
        store.in_flight_at_most[queue.id] += len(seqs)
        if attempt_id and seqs:
            remember_attempt(store, queue, attempt_id, seqs, now_ms)
    messages = [render(store, queue, seq, request) for seq in seqs]
    return Look(
        queue.id, store.waiters.version(queue.id), messages, wait, None if messages else _next_ms(store, queue, now_ms)
    )


def _room_in_flight(store: Store, queue: Queue, now_ms: int) -> int:
    """How many more may be in flight, at least up to a whole receive; counted only when that may be too many."""
    most = store.limits.fifo_in_flight if queue.is_fifo else store.limits.standard_in_flight
    at_most = store.in_flight_at_most.get(queue.id)
    if at_most is None or at_most + BATCH_ENTRIES > most:
        (at_most,) = store.execute(
            "SELECT count(*) FROM messages WHERE queue_id = ? AND visible_ms > ? AND receipt IS NOT NULL",
            (queue.id, now_ms),
        ).fetchone()
        assert at_most is not None
        store.in_flight_at_most[queue.id] = at_most
    if at_most >= most and not queue.is_fifo:
        raise SqsError(OVER_LIMIT, f"The maximum number of in flight messages is reached for {queue.name}.")
    return max(0, most - at_most)


def _next_ms(store: Store, queue: Queue, now_ms: int) -> int | None:
    sql = (
        "SELECT min(ready_ms) FROM fifo_groups WHERE queue_id = ? AND ready_ms > ?"
        if queue.is_fifo
        else "SELECT min(visible_ms) FROM messages WHERE queue_id = ? AND visible_ms > ?"
    )
    next_ms: int | None = store.execute(sql, (queue.id, now_ms)).fetchone()[0]
    return next_ms
