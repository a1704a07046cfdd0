"""Validation of queue attributes (SQS API reference, CreateQueue and SetQueueAttributes)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local.sqs.errors import INVALID_ATTRIBUTE_NAME, INVALID_ATTRIBUTE_VALUE, SqsError, invalid_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sqs.queue import Queue

RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
CHOICES = {
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "SqsManagedSseEnabled": ("true", "false"),
}
FIFO_ONLY = {"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}
JSON_DOCUMENTS = {"Policy", "RedrivePolicy", "RedriveAllowPolicy"}
COMPUTED = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
}
SETTABLE = RANGES.keys() | CHOICES.keys() | JSON_DOCUMENTS | {"KmsMasterKeyId"}
READABLE = SETTABLE | COMPUTED | {"FifoQueue", "All"}

NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")


def check_queue_name(name: str, attributes: dict[str, str]) -> None:
    """Raises: SqsError InvalidParameterValue unless the name fits the type of queue asked for."""
    if attributes.get("FifoQueue") == "true":
        if not FIFO_NAME.fullmatch(name):
            reason = (
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores,"
                " must end with .fifo suffix and be 1 to 80 in length."
            )
            raise invalid_value("QueueName", name, reason)
    elif not NAME.fullmatch(name):
        raise invalid_value(
            "QueueName", name, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
        )


def check_attributes(
    name: str, arn: str, attributes: dict[str, str], current: dict[str, str], find: Callable[[str], Queue | None]
) -> None:
    """Checks what is to be set on the queue `name`; `current` is what it has, `find` gives a queue by its ARN.

    Raises: SqsError InvalidAttributeName, InvalidAttributeValue or InvalidParameterValue.
    """
    is_fifo = name.endswith(".fifo")
    for attribute, value in attributes.items():
        if attribute not in SETTABLE or (attribute in FIFO_ONLY and not is_fifo):
            raise SqsError(INVALID_ATTRIBUTE_NAME, f"Unknown Attribute {attribute}.")
        if attribute in RANGES:
            low, high = RANGES[attribute]
            if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
                raise _invalid(attribute)
        elif (attribute in CHOICES and value not in CHOICES[attribute]) or (
            attribute in JSON_DOCUMENTS and value and not isinstance(_json(value), dict)
        ):
            raise _invalid(attribute)
    merged = {**current, **attributes}
    if merged.get("FifoThroughputLimit") == "perMessageGroupId" and merged.get("DeduplicationScope") != "messageGroup":
        raise _invalid("FifoThroughputLimit")
    if attributes.get("RedriveAllowPolicy"):
        _check_redrive_allow(attributes["RedriveAllowPolicy"])
    if attributes.get("RedrivePolicy"):
        _check_redrive(attributes["RedrivePolicy"], arn, find, is_fifo=is_fifo)


def _check_redrive(policy: str, arn: str, find: Callable[[str], Queue | None], *, is_fifo: bool) -> None:
    parsed = _json(policy)
    for mandatory in ("deadLetterTargetArn", "maxReceiveCount"):
        if mandatory not in parsed:
            reason = f"Redrive policy does not contain mandatory attribute: {mandatory}."
            raise invalid_value("RedrivePolicy", policy, reason)
    if (
        not re.fullmatch(r"[0-9]{1,4}", str(parsed["maxReceiveCount"]))
        or not 1 <= int(parsed["maxReceiveCount"]) <= 1000
    ):
        raise invalid_value("RedrivePolicy", policy, "Invalid value for maxReceiveCount: must be between 1 and 1000.")
    target = find(str(parsed["deadLetterTargetArn"]))
    if target is None:
        raise invalid_value("RedrivePolicy", policy, "Dead letter target does not exist.")
    if target.is_fifo != is_fifo:
        raise invalid_value("RedrivePolicy", policy, "Dead-letter queue must be same type of queue as the source.")
    if not target.lets_redrive_from(arn):
        raise invalid_value("RedrivePolicy", policy, "The dead-letter queue's RedriveAllowPolicy denies this source.")


def _check_redrive_allow(policy: str) -> None:
    parsed = _json(policy)
    permission, sources = parsed.get("redrivePermission"), parsed.get("sourceQueueArns")
    if permission not in {"allowAll", "denyAll", "byQueue"} or (permission == "byQueue") != isinstance(sources, list):
        raise invalid_value("RedriveAllowPolicy", policy, "sourceQueueArns goes with redrivePermission byQueue only.")
    if isinstance(sources, list) and not 1 <= len(sources) <= 10:
        raise invalid_value("RedriveAllowPolicy", policy, "sourceQueueArns must name 1 to 10 queues.")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _invalid(attribute: str) -> SqsError:
    return SqsError(INVALID_ATTRIBUTE_VALUE, f"Invalid value for the parameter {attribute}.")
