"""A queue as its attributes describe it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "SqsManagedSseEnabled": "true",
}
FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


class Redrive(NamedTuple):
    """RedrivePolicy: after max_receive_count receives a message goes to the queue of that ARN."""

    dead_letter_arn: str
    max_receive_count: int


@dataclass(frozen=True)
class Queue:
    """`attributes` holds only what was set; the properties add SQS's defaults."""

    id: int
    name: str
    arn: str
    attributes: dict[str, str]
    tags: dict[str, str]
    created_ms: int
    modified_ms: int

    @property
    def is_fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def all_attributes(self) -> dict[str, str]:
        return {**DEFAULTS, **(FIFO_DEFAULTS if self.is_fifo else {}), **self.attributes}

    def number(self, attribute: str) -> int:
        return int(self.attributes.get(attribute) or DEFAULTS[attribute])

    @property
    def deduplicates_by_content(self) -> bool:
        return self.attributes.get("ContentBasedDeduplication") == "true"

    @property
    def deduplicates_per_group(self) -> bool:
        return self.attributes.get("DeduplicationScope") == "messageGroup"

    @property
    def redrive(self) -> Redrive | None:
        policy = self.attributes.get("RedrivePolicy")
        if not policy:
            return None
        parsed = json.loads(policy)
        return Redrive(parsed["deadLetterTargetArn"], int(parsed["maxReceiveCount"]))

    def lets_redrive_from(self, source_arn: str) -> bool:
        """Whether RedriveAllowPolicy lets that queue name this one as its dead-letter queue."""
        policy: dict[str, Any] = json.loads(self.attributes.get("RedriveAllowPolicy") or "{}")
        permission = policy.get("redrivePermission", "allowAll")
        return permission == "allowAll" or (permission == "byQueue" and source_arn in policy["sourceQueueArns"])
