"""What SQS does not take is sent again; what it took is marked, whatever became of its neighbours."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from audit_relay.metrics import Metrics
from audit_relay.sending import IDLE_SECONDS, MAX_BATCH_BYTES, NotTakenError, Sender, _first_batch
from tests.fixtures.sealed import an_event


class Queue:
    """Takes what `takes` says of each body; keeps what it took."""

    def __init__(self, takes) -> None:
        self.takes = takes
        self.bodies: list[str] = []

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803 - boto3's names
        answer = {"Successful": [], "Failed": []}
        for entry in Entries:
            if self.takes(len(self.bodies)):
                self.bodies.append(entry["MessageBody"])
                answer["Successful"].append({"Id": entry["Id"]})
            else:
                answer["Failed"].append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
        return answer


class ThrottledQueue:
    def send_message_batch(self, **_):
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "SendMessageBatch")


@pytest.fixture
def sealed_thrice(books, by_hand):
    hand = by_hand("outbox")
    for index in range(3):
        books.write_outbox([an_event(index)])
        hand.sealer.seal()
    return hand


def sender(hand, queue, after_send=None):
    return Sender(hand.lease, hand.session, queue, "url", Metrics(), after_send)


def test_only_what_was_taken_is_marked(books, sealed_thrice):
    queue = Queue(lambda taken: taken < 2)
    with pytest.raises(NotTakenError, match="1 of 3 segments: InternalError"):
        sender(sealed_thrice, queue).step()
    assert [row["state"] for row in books.segments()] == ["sent", "sent", "sealed"]
    recorded = bytes(books.segments()[2]["body"]).decode()
    queue.takes = lambda _: True
    assert sender(sealed_thrice, queue).step() == IDLE_SECONDS
    assert queue.bodies[2] == recorded
    assert {row["state"] for row in books.segments()} == {"sent"}


def test_a_throttled_queue_leaves_everything_as_it_was(books, sealed_thrice):
    before = books.segments()
    with pytest.raises(ClientError):
        sender(sealed_thrice, ThrottledQueue()).step()
    assert books.segments() == before


def test_tidying_that_failed_is_done_with_the_next_step(sealed_thrice):
    calls = []

    def tidy() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError

    sending = sender(sealed_thrice, Queue(lambda _: True), tidy)
    with pytest.raises(ConnectionError):
        sending.step()
    assert sending.step() == IDLE_SECONDS
    sending.step()
    assert len(calls) == 2


def test_who_holds_no_lease_sends_nothing(books, by_hand, sealed_thrice):
    other = by_hand("outbox")
    assert not other.lease.is_held
    assert sender(other, ThrottledQueue()).step() == IDLE_SECONDS


def test_a_batch_stays_within_what_sqs_takes_at_once():
    rows = [{"body": b"x" * 400_000} for _ in range(5)]
    assert len(_first_batch(rows)) == MAX_BATCH_BYTES // 400_000
    assert len(_first_batch([{"body": b"x" * MAX_BATCH_BYTES}])) == 1
