"""A message as ReceiveMessage gives it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.sqs.fifo import sequence_number
from local.sqs.message_attributes import attributes_md5, select_attributes
from local.sqs.receipts import Receipt

if TYPE_CHECKING:
    from local.sqs.parameters import JsonObject
    from local.sqs.queue import Queue
    from local.sqs.receiving import ReceiveRequest
    from local.sqs.store import Store


def render(store: Store, queue: Queue, seq: int, request: ReceiveRequest) -> JsonObject:
    """With the system and message attributes that the request names."""
    message_id, sender_id, body, body_md5, attributes, system, sent_ms, count, first_ms, nonce, source = store.execute(
        "SELECT message_id, sender_id, body, body_md5, attributes, system, sent_ms, receive_count, first_received_ms,"
        " receipt, dead_letter_source FROM messages JOIN contents USING (seq) WHERE seq = ?",
        (seq,),
    ).fetchone()
    message: JsonObject = {
        "MessageId": message_id,
        "ReceiptHandle": Receipt(queue.id, seq, nonce).handle,
        "MD5OfBody": body_md5,
        "Body": body,
    }
    if request.system_attributes:
        values = json.loads(system) | {
            "SenderId": sender_id,
            "SentTimestamp": str(sent_ms),
            "ApproximateReceiveCount": str(count),
            "ApproximateFirstReceiveTimestamp": str(first_ms),
        }
        if queue.is_fifo:
            values["SequenceNumber"] = sequence_number(seq)
        if source is not None:
            values["DeadLetterQueueSourceArn"] = source
        is_all = "All" in request.system_attributes
        chosen = {name: value for name, value in values.items() if is_all or name in request.system_attributes}
        if chosen:
            message["Attributes"] = chosen
    if attributes is not None and request.message_attributes:
        selected = select_attributes(json.loads(attributes), request.message_attributes)
        if selected:
            message["MessageAttributes"] = selected
            message["MD5OfMessageAttributes"] = attributes_md5(selected)
    return message
