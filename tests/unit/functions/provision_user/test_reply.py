from __future__ import annotations

import json
import logging

import pytest
from botocore.exceptions import ClientError

from functions.provision_user.message import Outcome
from functions.provision_user.reply import SqsReply, reply_message
from shared.ids import new_id

USER = new_id()
OUTCOME = Outcome(
    "AROA", "c-1", "user.create", "applied", user_id=USER, reply_queue_url="https://sqs.example/1/replies"
)


class Queue:
    def __init__(self, code: str | None = None) -> None:
        self.code, self.sent = code, []

    def send_message(self, **message: str) -> None:
        if self.code is not None:
            raise ClientError({"Error": {"Code": self.code, "Message": "m"}}, "SendMessage")
        self.sent.append(message)


def replying(queue: Queue) -> SqsReply:
    reply = SqsReply(logging.getLogger("reply"))
    reply._client = queue
    return reply


def test_a_reply_names_the_command_and_the_user_by_id_alone() -> None:
    message = reply_message(OUTCOME, "https://sqs.example/1/replies")
    assert json.loads(message["MessageBody"]) == {
        "version": 1, "command_id": "c-1", "type": "user.create", "state": "applied", "reason": None, "detail": None,
        "user_id": str(USER),
    }  # fmt: skip
    assert "MessageGroupId" not in message


def test_the_same_reply_to_a_fifo_queue_is_deduplicated_and_in_the_commands_own_group() -> None:
    one = reply_message(OUTCOME, "https://sqs.example/1/replies.fifo")
    assert one == reply_message(OUTCOME, "https://sqs.example/1/replies.fifo")
    assert len(one["MessageGroupId"]) <= 128 and len(one["MessageDeduplicationId"]) <= 128


def test_who_wants_no_replies_gets_none() -> None:
    queue = Queue()
    replying(queue)(Outcome("AROA", "c-1", "user.create", "applied"))
    assert queue.sent == []


def test_a_reply_goes_where_the_policy_says() -> None:
    queue = Queue()
    replying(queue)(OUTCOME)
    assert [message["QueueUrl"] for message in queue.sent] == [OUTCOME.reply_queue_url]


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "AccessDenied", "AccessDeniedException"])
def test_a_queue_that_is_gone_holds_no_command_up(code: str) -> None:
    replying(Queue(code))(OUTCOME)


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailable", "InternalError", ""])
def test_a_queue_that_may_come_back_brings_the_command_back(code: str) -> None:
    with pytest.raises(ClientError):
        replying(Queue(code))(OUTCOME)
