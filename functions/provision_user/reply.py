"""Tells a sender what became of its command, on the queue that its policy names, before the command is acknowledged.

At least once for what was decided when the message came: a crash, or a queue that can't be reached now, brings the
command back, which is then a repeat and is answered again. What is decided later, by a redrive, is told once at most:
a crash between that commit and the reply loses the reply, and the command's status is the way to learn of it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

    from functions.provision_user.message import Outcome

# The queue, or the right to it, is gone: no repetition mends it, and the commands of others must not wait for it.
_GONE = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "AccessDenied",
    "AccessDeniedException",
    "InvalidAddress",
    "InvalidParameterValue",
}


class SqsReply:
    """Sends replies through boto3's client, made at the first one.

    Args:
        logger: hears of queues that are gone.
    """

    def __init__(self, logger: logging.Logger | Any) -> None:
        self._logger = logger
        self._client: Any = None

    def __call__(self, outcome: Outcome) -> None:
        """Send it, if the sender's policy has a reply queue.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: SQS can't take it now.
        """
        if outcome.reply_queue_url is None:
            return
        import boto3  # noqa: PLC0415 - few senders want replies
        from botocore.exceptions import ClientError  # noqa: PLC0415

        self._client = self._client or boto3.client("sqs")
        try:
            self._client.send_message(**reply_message(outcome, outcome.reply_queue_url))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code not in _GONE:
                raise
            self._logger.warning("a reply queue is gone", extra={"sender": outcome.sender, "error_code": code})


def reply_message(outcome: Outcome, queue_url: str) -> dict[str, str]:
    """The parameters of SendMessage. No personal data: the user is their id."""
    body = json.dumps(
        {
            "version": 1,
            "command_id": outcome.command_id,
            "type": outcome.type,
            "state": outcome.state,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "user_id": None if outcome.user_id is None else str(outcome.user_id),
        },
        separators=(",", ":"),
    )
    message = {"QueueUrl": queue_url, "MessageBody": body}
    if queue_url.endswith(".fifo"):
        message["MessageGroupId"] = hashlib.sha256(outcome.command_id.encode()).hexdigest()
        message["MessageDeduplicationId"] = hashlib.sha256(body.encode()).hexdigest()
    return message
