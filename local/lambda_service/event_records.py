"""The event that a function gets for a batch (developer guide, "Using Lambda with Amazon SQS")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.lambda_service.invocation import REQUEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

Message = dict[str, Any]


def record(message: Message, queue_arn: str) -> dict[str, Any]:
    """One message as Lambda's event has it."""
    attributes = message.get("MessageAttributes", {})
    one = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        one["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return one


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = value["BinaryValue"]
    return attribute


def events(messages: list[Message], queue_arn: str) -> Iterator[tuple[list[Message], bytes]]:
    """The batch as few events as the 6 MB of an invocation's payload allow, in order."""
    batch: list[Message] = []
    parts: list[bytes] = []
    size = overhead = len(b'{"Records": []}')
    for message in messages:
        part = json.dumps(record(message, queue_arn), ensure_ascii=False).encode()
        if batch and size + len(part) + 2 > REQUEST_BYTES:
            yield batch, _event(parts)
            batch, parts, size = [], [], overhead
        batch.append(message)
        parts.append(part)
        size += len(part) + 2
    if batch:
        yield batch, _event(parts)


def _event(parts: list[bytes]) -> bytes:
    return b'{"Records": [' + b", ".join(parts) + b"]}"
