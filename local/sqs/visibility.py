"""What a consumer does with a message it holds: delete it, or change for how long it is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sqs.batches import check_batch, each_entry
from local.sqs.errors import MESSAGE_NOT_INFLIGHT, SqsError, invalid_value, missing_parameter
from local.sqs.expiry import remove_message
from local.sqs.fifo import refresh_group
from local.sqs.limits import VISIBILITY_SECONDS
from local.sqs.receipts import parse_handle
from local.sqs.store import epoch_ms

if TYPE_CHECKING:
    from local.sqs.limits import SenderId
    from local.sqs.parameters import JsonObject, Parameters
    from local.sqs.queue import Queue
    from local.sqs.store import Store

GONE = "Message does not exist or is not available for visibility timeout change."


def delete_message(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    _delete(store, store.by_url(parameters.required_text("QueueUrl")), parameters)
    return {}


def delete_message_batch(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    queue = store.by_url(parameters.required_text("QueueUrl"))
    entries = check_batch(parameters, "DeleteMessageBatchRequestEntry")
    return each_entry(entries, lambda entry: _delete(store, queue, entry))


def change_message_visibility(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    _change(store, store.by_url(parameters.required_text("QueueUrl")), parameters)
    return {}


def change_message_visibility_batch(store: Store, parameters: Parameters, _sender: SenderId) -> JsonObject:
    queue = store.by_url(parameters.required_text("QueueUrl"))
    entries = check_batch(parameters, "ChangeMessageVisibilityBatchRequestEntry")
    return each_entry(entries, lambda entry: _change(store, queue, entry))


def _delete(store: Store, queue: Queue, entry: Parameters) -> JsonObject:
    """With a receipt that a later receive replaced, a standard queue says yes and keeps the message, as AWS may.

    Raises: SqsError InvalidParameterValue when a FIFO message's visibility timeout is over: it may be somebody else's.
    """
    handle = entry.required_text("ReceiptHandle")
    receipt = parse_handle(queue, handle)
    row = store.execute(
        "SELECT receipt, visible_ms, fifo_group FROM messages WHERE seq = ? AND queue_id = ?", (receipt.seq, queue.id)
    ).fetchone()
    if row is None:
        return {}
    current, visible_ms, group = row
    now_ms = epoch_ms()
    if queue.is_fifo and (current != receipt.nonce or visible_ms <= now_ms):
        raise invalid_value("ReceiptHandle", handle, "The receipt handle has expired.")
    if current == receipt.nonce:
        remove_message(store, receipt.seq)
        if group is not None:
            refresh_group(store, queue.id, group, now_ms)
            store.touch(queue.id)
    return {}


def _change(store: Store, queue: Queue, entry: Parameters) -> JsonObject:
    handle = entry.required_text("ReceiptHandle")
    seconds = entry.integer("VisibilityTimeout", 0, VISIBILITY_SECONDS)
    if seconds is None:
        raise missing_parameter("VisibilityTimeout")
    receipt = parse_handle(queue, handle)
    row = store.execute(
        "SELECT receipt, visible_ms, received_ms, fifo_group FROM messages WHERE seq = ? AND queue_id = ?",
        (receipt.seq, queue.id),
    ).fetchone()
    if row is None:
        raise invalid_value("ReceiptHandle", handle, GONE)
    current, visible_ms, received_ms, group = row
    now_ms = epoch_ms()
    if current != receipt.nonce or visible_ms <= now_ms:
        if queue.is_fifo:
            raise invalid_value("ReceiptHandle", handle, "The receipt handle has expired.")
        raise SqsError(MESSAGE_NOT_INFLIGHT, "The specified message isn't in flight.")
    new_visible_ms = now_ms + seconds * 1000
    if new_visible_ms - received_ms > VISIBILITY_SECONDS * 1000:
        reason = f"Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_SECONDS} seconds]."
        raise invalid_value("VisibilityTimeout", seconds, reason)
    store.execute("UPDATE messages SET visible_ms = ? WHERE seq = ?", (new_visible_ms, receipt.seq))
    if group is not None:
        refresh_group(store, queue.id, group, now_ms)
    store.touch(queue.id)
    return {}
