"""Tells provision_user to redrive or dismiss a parked command: only it applies commands, in the user's own order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from events.control import ControlMessage, ControlType
from functions.admin_api.problems import unavailable
from shared.clock import utc_now
from shared.ids import new_id

if TYPE_CHECKING:
    from shared.database.models import ParkedCommand


class ControlQueue:
    """The provisioning queue, with the admin API as its sender: its policy lists the control types.

    Args:
        client: boto3's `sqs`; made at the first message where it is left out.
    """

    def __init__(self, queue_url: str, client: Any = None) -> None:
        self._queue_url = queue_url
        self._client = client
        self._lock = threading.Lock()

    def send(self, control_type: ControlType, row: ParkedCommand, *, actor: str, request_id: str | None) -> str:
        """Put it behind the user's other messages. Returns its command id.

        Raises:
            ProblemError: SQS can't take it now.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - reads need no AWS

        command_id = str(new_id())
        message = ControlMessage(
            command_id=command_id,
            type=control_type,
            issued_at=utc_now(),
            parked_id=row.id,
            actor=actor,
            request_id=request_id,
        )
        try:
            self._sqs().send_message(
                QueueUrl=self._queue_url,
                MessageBody=message.model_dump_json(),
                MessageGroupId=row.group_key,
                MessageDeduplicationId=command_id,
            )
        except (BotoCoreError, ClientError) as error:
            raise unavailable() from error
        return command_id

    def _sqs(self) -> Any:
        with self._lock:
            if self._client is None:
                import boto3  # noqa: PLC0415
                from botocore.config import Config  # noqa: PLC0415

                self._client = boto3.client(
                    "sqs", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})
                )
            return self._client
