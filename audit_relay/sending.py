"""Sends recorded segments to SQS, oldest first, and marks them. A segment sent twice is the same message twice."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.clock import monotonic_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from audit_relay.leases import Lease
    from audit_relay.metrics import Metrics
    from audit_relay.postgres import Row, Session

MAX_BATCH = 10
MAX_BATCH_BYTES = 1_048_576  # SQS: 1 MiB for one message and for a batch
IDLE_SECONDS = 1.0

_UNSENT = """
SELECT id, body FROM sealed_segments WHERE shard = %(shard)s AND state = 'sealed' ORDER BY id LIMIT 10
"""
_MARK = """
UPDATE sealed_segments SET state = 'sent', sent_at = clock_timestamp(), body = NULL
 WHERE id = ANY(%(ids)s) AND state = 'sealed'
"""

logger = logging.getLogger(__name__)


class NotTakenError(RuntimeError):
    """SQS refused some messages of a batch; they are sent again."""


class Sender:
    """Sends one shard's segments. Sending needs no fence: what a former holder sends is what the present one sends."""

    def __init__(
        self,
        lease: Lease,
        session: Session,
        sqs: SQSClient,
        queue_url: str,
        metrics: Metrics,
        after_send: Callable[[], None] | None = None,
    ) -> None:
        self._lease = lease
        self._session = session
        self._sqs = sqs
        self._queue_url = queue_url
        self._metrics = metrics
        self._after_send = after_send
        self._tidy = False

    def step(self) -> float:
        """Send what is recorded and not sent.

        Raises:
            NotTakenError: SQS took only some.
            botocore.exceptions.BotoCoreError, ClientError: SQS can't be reached, or throttles.
        """
        if not self._lease.is_held:
            return IDLE_SECONDS
        with self._session.transaction() as transaction:
            rows = transaction.execute(_UNSENT, {"shard": self._lease.shard}).fetchall()
        if rows:
            batch = _first_batch(rows)
            self._send(batch)
            self._tidy = True
            if len(batch) < len(rows):
                return 0.0
        if self._tidy and self._after_send is not None:
            self._after_send()  # every time the backlog is empty; its failure is repeated with the step
        self._tidy = False
        return IDLE_SECONDS

    def _send(self, batch: list[Row]) -> None:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(index), "MessageBody": bytes(row["body"]).decode("ascii")} for index, row in enumerate(batch)
        ]
        started = monotonic_seconds()
        answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        taken = [batch[int(each["Id"])]["id"] for each in answer.get("Successful", [])]
        with self._session.transaction() as transaction:
            transaction.execute(_MARK, {"ids": taken})
        self._metrics.sent(self._lease.shard, len(taken))
        logger.debug(
            "segments sent",
            extra={"shard": self._lease.shard, "count": len(taken), "seconds": monotonic_seconds() - started},
        )
        if len(taken) < len(batch):
            codes = sorted({each["Code"] for each in answer.get("Failed", [])})
            raise NotTakenError(f"{len(batch) - len(taken)} of {len(batch)} segments: {', '.join(codes)}")


def _first_batch(rows: list[Row]) -> list[Row]:
    size = 0
    batch: list[Row] = []
    for row in rows:
        size += len(row["body"])
        if batch and size > MAX_BATCH_BYTES:
            break
        batch.append(row)
    return batch
