"""AWS's quotas for SQS (SQS developer guide, "Amazon SQS quotas"), and how long things are remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

SenderId = NewType("SenderId", str)
"""What SQS reports as a message's `SenderId`: an IAM user's id, or `<role id>:<session name>`."""

MESSAGE_BYTES = 1_048_576
BATCH_BYTES = 1_048_576
BATCH_ENTRIES = 10
ATTRIBUTES_PER_MESSAGE = 10
VISIBILITY_SECONDS = 43_200
DELAY_SECONDS = 900
WAIT_SECONDS = 20
TAGS_PER_QUEUE = 50
REQUEST_BYTES = 8 * 1_048_576
"""A batch of 1 MiB whose every character JSON escapes as six bytes, and its envelope."""


@dataclass(frozen=True)
class Limits:
    """Quotas and memories that a test may shorten; the defaults are AWS's."""

    standard_in_flight: int = 120_000
    fifo_in_flight: int = 120_000
    deduplication_seconds: float = 300
    receive_attempt_seconds: float = 300
    purge_interval_seconds: float = 60
    deleted_name_seconds: float = 60
    """For how long the name of a deleted queue can't be used again."""
