"""SendMessage and SendMessageBatch."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from typing import TYPE_CHECKING

from local.sqs.batches import check_batch, each_entry
from local.sqs.errors import BATCH_REQUEST_TOO_LONG, INVALID_PARAMETER_VALUE, SqsError, invalid_value, missing_parameter
from local.sqs.fifo import Sent, add_to_group, content_deduplication_id, remember_sent, sent_before, sequence_number
from local.sqs.limits import BATCH_BYTES, DELAY_SECONDS, SenderId
from local.sqs.message_attributes import attributes_md5, check_attributes, check_characters
from local.sqs.parameters import Parameters
from local.sqs.store import epoch_ms

if TYPE_CHECKING:
    from local.sqs.parameters import JsonObject
    from local.sqs.queue import Queue
    from local.sqs.store import Store

FIFO_TOKEN = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
WRONG_QUEUE_TYPE = "The request include parameter that is not valid for this queue type."


def send_message(store: Store, parameters: Parameters, sender: SenderId) -> JsonObject:
    """Stores one message; a FIFO duplicate gets the first one's MessageId and SequenceNumber."""
    queue = store.by_url(parameters.required_text("QueueUrl"))
    return _send(store, queue, parameters, sender)


def send_message_batch(store: Store, parameters: Parameters, sender: SenderId) -> JsonObject:
    """Stores up to ten messages, each accepted or refused by itself."""
    queue = store.by_url(parameters.required_text("QueueUrl"))
    entries = check_batch(parameters, "SendMessageBatchRequestEntry")
    size = sum(_size(Parameters(entry)) for entry in entries)
    if size > BATCH_BYTES:
        message = f"Batch requests cannot be longer than {BATCH_BYTES} bytes. You have sent {size} bytes."
        raise SqsError(BATCH_REQUEST_TOO_LONG, message)
    return each_entry(entries, lambda entry: _send(store, queue, entry, sender))


def _size(entry: Parameters) -> int:
    size = len((entry.text("MessageBody") or "").encode(errors="surrogatepass"))
    for name, attribute in entry.mapping("MessageAttributes").items():
        values = attribute.values() if isinstance(attribute, dict) else ()
        size += len(name.encode()) + sum(len(value) for value in values if isinstance(value, str))
    return size


def _send(store: Store, queue: Queue, message: Parameters, sender: SenderId) -> JsonObject:
    body = message.text("MessageBody")
    if body is None:
        raise missing_parameter("MessageBody")
    if not body:
        raise invalid_value("MessageBody", "", "The request must contain a message body of at least one character.")
    check_characters(body)
    attributes = message.mapping("MessageAttributes")
    encoded = body.encode()
    size = len(encoded) + (check_attributes(attributes) if attributes else 0)
    if size > queue.number("MaximumMessageSize"):
        reason = f"Message must be shorter than {queue.number('MaximumMessageSize')} bytes."
        raise invalid_value("MessageBody", f"of {size} bytes", reason)
    system = _system_attributes(message)
    now_ms = epoch_ms()
    body_md5 = hashlib.md5(encoded, usedforsecurity=False).hexdigest()
    answer: JsonObject = {"MD5OfMessageBody": body_md5}
    if attributes:
        answer["MD5OfMessageAttributes"] = attributes_md5(attributes)
    if message.has("MessageSystemAttributes"):
        answer["MD5OfMessageSystemAttributes"] = attributes_md5(message.mapping("MessageSystemAttributes"))
    group = _group(queue, message, system)
    deduplication_id = _deduplication_id(queue, message, body)
    delay_seconds = message.integer("DelaySeconds", 0, DELAY_SECONDS)
    if queue.is_fifo and delay_seconds:
        raise invalid_value("DelaySeconds", delay_seconds, WRONG_QUEUE_TYPE)
    if group is not None and deduplication_id is not None:
        system["MessageDeduplicationId"] = deduplication_id
        before = sent_before(store, queue, group, deduplication_id, now_ms)
        if before is not None:
            return answer | {"MessageId": before.message_id, "SequenceNumber": before.sequence_number}
    delay_seconds = queue.number("DelaySeconds") if delay_seconds is None or queue.is_fifo else delay_seconds
    visible_ms = now_ms + delay_seconds * 1000
    message_id = str(uuid.uuid4())
    seq = store.execute(
        "INSERT INTO messages (queue_id, fifo_group, sent_ms, visible_ms) VALUES (?, ?, ?, ?)",
        (queue.id, group, now_ms, visible_ms),
    ).lastrowid
    assert seq is not None
    store.execute(
        "INSERT INTO contents VALUES (?, ?, ?, ?, ?, ?, ?)",
        (seq, message_id, sender, body, body_md5, json.dumps(attributes) if attributes else None, json.dumps(system)),
    )
    store.touch(queue.id)
    answer["MessageId"] = message_id
    if group is not None and deduplication_id is not None:
        sent = Sent(message_id, sequence_number(seq))
        remember_sent(store, queue, group, deduplication_id, sent, now_ms)
        add_to_group(store, queue.id, group, seq, visible_ms)
        answer["SequenceNumber"] = sent.sequence_number
    return answer


def _system_attributes(message: Parameters) -> dict[str, str]:
    """Raises: SqsError InvalidParameterValue for anything but AWSTraceHeader."""
    system: dict[str, str] = {}
    given = message.mapping("MessageSystemAttributes")
    if given:
        check_attributes({f"system.{name}": value for name, value in given.items()})
    for name, attribute in given.items():
        if name != "AWSTraceHeader" or attribute["DataType"] != "String":
            raise invalid_value("MessageSystemAttributes", name, "Only AWSTraceHeader of type String is supported.")
        system[name] = attribute["StringValue"]
    return system


def _group(queue: Queue, message: Parameters, system: dict[str, str]) -> str | None:
    """The group that orders the message; a standard queue's group (fair queues) is only reported."""
    group = message.text("MessageGroupId")
    if group is None:
        if queue.is_fifo:
            raise missing_parameter("MessageGroupId")
        return None
    if not FIFO_TOKEN.fullmatch(group):
        raise invalid_value("MessageGroupId", group, _token_reason("MessageGroupId"))
    system["MessageGroupId"] = group
    return group if queue.is_fifo else None


def _deduplication_id(queue: Queue, message: Parameters, body: str) -> str | None:
    given = message.text("MessageDeduplicationId")
    if given is not None:
        if not queue.is_fifo:
            raise invalid_value("MessageDeduplicationId", given, WRONG_QUEUE_TYPE)
        if not FIFO_TOKEN.fullmatch(given):
            raise invalid_value("MessageDeduplicationId", given, _token_reason("MessageDeduplicationId"))
        return given
    if not queue.is_fifo:
        return None
    if not queue.deduplicates_by_content:
        explanation = (
            "The queue should either have ContentBasedDeduplication enabled"
            " or MessageDeduplicationId provided explicitly"
        )
        raise SqsError(INVALID_PARAMETER_VALUE, explanation)
    return content_deduplication_id(body)


def _token_reason(parameter: str) -> str:
    return f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
