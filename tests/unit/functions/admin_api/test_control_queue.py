from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from events.control import ControlType, parse_control
from functions.admin_api.control_queue import ControlQueue
from functions.admin_api.problems import ProblemError
from shared.database.models import ParkedCommand
from shared.ids import new_id

ROW = ParkedCommand(id=new_id(), group_key="hr-7", sender="AROA", command_id="c-1", body="{}", state="parked")


class Queue:
    def __init__(self, failure: Exception | None = None) -> None:
        self.failure, self.sent = failure, []

    def send_message(self, **message: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(message)


@pytest.mark.parametrize("control_type", ControlType)
def test_the_decision_waits_in_the_users_own_order_and_names_who_took_it(control_type) -> None:
    queue = Queue()
    command_id = ControlQueue("https://sqs.example/q.fifo", queue).send(
        control_type, ROW, actor="user:1", request_id="r"
    )
    (sent,) = queue.sent
    assert (sent["MessageGroupId"], sent["MessageDeduplicationId"]) == ("hr-7", command_id)
    control = parse_control(sent["MessageBody"])
    assert control is not None and control.command_id == command_id
    assert (control.type, control.parked_id, control.actor, control.request_id) == (control_type, ROW.id, "user:1", "r")


def test_two_decisions_are_two_messages() -> None:
    queue = Queue()
    ours = ControlQueue("https://sqs.example/q.fifo", queue)
    ids = {ours.send(ControlType.REDRIVE, ROW, actor="user:1", request_id=None) for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    "failure",
    [
        EndpointConnectionError(endpoint_url="https://canary"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "canary"}}, "SendMessage"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_queue_that_is_down_is_a_503_and_not_a_promise(failure: Exception) -> None:
    with pytest.raises(ProblemError) as caught:
        ControlQueue("https://sqs.example/q.fifo", Queue(failure)).send(
            ControlType.DISMISS, ROW, actor="user:1", request_id=None
        )
    assert caught.value.status == 503 and "canary" not in caught.value.detail
