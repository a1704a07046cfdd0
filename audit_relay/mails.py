"""Hands queued mails to SQS. The row is the mail's outbox: at least once, and `send_email` sends once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from audit_relay.sending import NotTakenError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from audit_relay.metrics import Metrics
    from audit_relay.postgres import Session

MESSAGE_VERSION = 1
BATCH = 10  # what one SendMessageBatch takes

# SKIP LOCKED: relays share the work without a lease, and what one holds while SQS answers the others pass by.
_PICK = """
SELECT id FROM email_log WHERE state = 'queued' ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
_MARK = """
UPDATE email_log SET state = 'handed_over', handed_over_at = clock_timestamp()
 WHERE id = ANY(%(ids)s) AND state = 'queued'
"""


class MailHandover:
    def __init__(self, session: Session, sqs: SQSClient, queue_url: str, metrics: Metrics, idle_seconds: float) -> None:
        self._session = session
        self._sqs = sqs
        self._queue_url = queue_url
        self._metrics = metrics
        self._idle_seconds = idle_seconds

    def step(self) -> float:
        """Hand over up to ten.

        Raises:
            NotTakenError: SQS took only some; the others stay queued.
            botocore.exceptions.BotoCoreError, ClientError: SQS can't be reached; all stay queued.
        """
        with self._session.transaction() as transaction:
            ids = [row["id"] for row in transaction.execute(_PICK, {"limit": BATCH}).fetchall()]
            if not ids:
                return self._idle_seconds
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {
                    "Id": str(index),
                    "MessageBody": json.dumps({"email_id": str(each), "version": MESSAGE_VERSION}),
                }
                for index, each in enumerate(ids)
            ]
            answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            taken = [ids[int(each["Id"])] for each in answer.get("Successful", [])]
            transaction.execute(_MARK, {"ids": taken})
        self._metrics.mails_handed_over(len(taken))
        if len(taken) < len(ids):
            raise NotTakenError(f"{len(ids) - len(taken)} of {len(ids)} mails")
        return 0.0 if len(ids) == BATCH else self._idle_seconds
