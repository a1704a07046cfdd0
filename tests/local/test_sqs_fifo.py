"""SQS: FIFO queues"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import time

import pytest
from botocore.exceptions import ClientError

from tests.local.sqs_server import SqsServer, bodies, make_queue, refused


def test_group_keeps_its_order_and_numbers_grow(sqs):
    """Within a group messages come in the order of sending, with growing SequenceNumbers of 20 digits."""
    queue = make_queue(sqs, fifo=True)
    sent = [queue.send_fifo(str(n))["SequenceNumber"] for n in range(15)]
    assert sent == sorted(sent)
    assert {len(number) for number in sent} == {20}
    seen = []
    while messages := queue.receive():
        seen += messages
        for message in messages:
            queue.delete(message)
    assert bodies(seen) == [str(n) for n in range(15)]
    assert [message["Attributes"]["SequenceNumber"] for message in seen] == sent


def test_batch_receive_gives_several_messages_of_one_group_in_order(sqs):
    """One receive returns as many of a group as possible, in order, then other groups."""
    queue = make_queue(sqs, fifo=True)
    for body, group in (("a0", "a"), ("b0", "b"), ("a1", "a"), ("a2", "a"), ("b1", "b")):
        queue.send_fifo(body, group=group)
    assert bodies(queue.receive()) == ["a0", "a1", "a2", "b0", "b1"]


def test_group_is_held_while_any_of_its_messages_is_in_flight(sqs):
    """No other message of the group comes until what is in flight is deleted or visible again; other groups do."""
    queue = make_queue(sqs, fifo=True)
    for body, group in (("a0", "a"), ("a1", "a"), ("a2", "a"), ("b0", "b")):
        queue.send_fifo(body, group=group)
    first, second = queue.receive(2)
    assert bodies([first, second]) == ["a0", "a1"]
    assert bodies(queue.receive()) == ["b0"]
    queue.delete(second)
    assert queue.receive() == []
    queue.delete(first)
    assert bodies(queue.receive()) == ["a2"]


def test_order_survives_a_consumer_that_dies_holding_messages(sqs):
    """A consumer takes u0, u1, u2 and dies: after the visibility timeout the next one gets u0 first, then u1, u2, u3."""
    queue = make_queue(sqs, fifo=True, VisibilityTimeout="1")
    for n in range(4):
        queue.send_fifo(f"u{n}")
    assert bodies(queue.receive(3)) == ["u0", "u1", "u2"]
    seen = []
    while len(seen) < 4:
        (message,) = queue.receive_within()
        seen.append(message["Body"])
        queue.delete(message)
    assert seen == ["u0", "u1", "u2", "u3"]


def test_message_given_back_keeps_its_place(sqs):
    """ChangeMessageVisibility to 0 of a failed message: it comes again before what was sent after it."""
    queue = make_queue(sqs, fifo=True)
    for n in range(3):
        queue.send_fifo(str(n))
    messages = queue.receive(2)
    queue.change_visibility(messages[0], 0)
    assert queue.receive() == [], "1 is still in flight"
    queue.change_visibility(messages[1], 0)
    assert bodies(queue.receive()) == ["0", "1", "2"]


def test_duplicate_gets_the_first_answer_and_is_not_delivered(sqs):
    """Within five minutes the same MessageDeduplicationId is answered with the same MessageId and SequenceNumber."""
    queue = make_queue(sqs, fifo=True)
    first = queue.send_fifo("one", MessageDeduplicationId="d")
    second = queue.send_fifo("other body", MessageDeduplicationId="d")
    assert [first[k] for k in ("MessageId", "SequenceNumber")] == [second[k] for k in ("MessageId", "SequenceNumber")]
    assert second["MD5OfMessageBody"] == hashlib.md5(b"other body").hexdigest()
    assert bodies(queue.receive()) == ["one"]


def test_deduplication_outlives_deletion_and_purge(sqs):
    """A message that was received and deleted, or purged, still makes its deduplication id known."""
    queue = make_queue(sqs, fifo=True)
    queue.send_fifo("m", MessageDeduplicationId="d")
    (message,) = queue.receive()
    queue.delete(message)
    queue.send_fifo("m", MessageDeduplicationId="d")
    assert queue.receive() == []
    sqs.purge_queue(QueueUrl=queue.url)
    queue.send_fifo("m", MessageDeduplicationId="d")
    assert queue.receive() == []


def test_deduplication_outlives_a_restart_and_ends_after_five_minutes(tmp_path):
    """The five minutes are kept across kill -9; after them the same id is a new message."""
    server = SqsServer(tmp_path)
    try:
        queue = make_queue(server.client(), fifo=True)
        queue.send_fifo("first", MessageDeduplicationId="d")
        server.kill()
        server.start()
        queue.send_fifo("second", MessageDeduplicationId="d")
        assert bodies(queue.receive()) == ["first"]
        server.stop()
        with sqlite3.connect(tmp_path / "sqs.sqlite3") as database:
            (left,) = database.execute("SELECT expires_ms FROM deduplications").fetchone()
            assert 290_000 < left - time.time() * 1000 <= 300_000
            database.execute("UPDATE deduplications SET expires_ms = expires_ms - 300000")
            database.execute("DELETE FROM messages")
            database.execute("DELETE FROM fifo_groups")
        database.close()
        server.start()
        queue.send_fifo("third", MessageDeduplicationId="d")
        assert bodies(queue.receive()) == ["third"]
    finally:
        server.kill()


def test_content_based_deduplication_uses_the_sha256_of_the_body(sqs):
    """Same body, one message; attributes don't count; an explicit id overrides, and may be that hash."""
    queue = make_queue(sqs, fifo=True, ContentBasedDeduplication="true")
    attribute = {"a": {"DataType": "String", "StringValue": "x"}}
    queue.send("m", MessageGroupId="g")
    queue.send("m", MessageGroupId="g", MessageAttributes=attribute)
    queue.send("other", MessageGroupId="g", MessageDeduplicationId=hashlib.sha256(b"m").hexdigest())
    queue.send("m", MessageGroupId="g", MessageDeduplicationId="explicit")
    messages = queue.receive()
    assert bodies(messages) == ["m", "m"]
    assert messages[0]["Attributes"]["MessageDeduplicationId"] == hashlib.sha256(b"m").hexdigest()


def test_high_throughput_queue_deduplicates_per_group(sqs):
    """DeduplicationScope messageGroup (with FifoThroughputLimit perMessageGroupId): an id is known to its group only."""
    scope = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    queue = make_queue(sqs, fifo=True, **scope)
    for group in ("a", "b", "a"):
        queue.send_fifo(group, group=group, MessageDeduplicationId="d")
    assert sorted(bodies(queue.receive())) == ["a", "b"]
    with refused("InvalidAttributeValue"):
        make_queue(sqs, fifo=True, FifoThroughputLimit="perMessageGroupId")


def test_expired_receipt_handle_cannot_delete(sqs):
    """After the visibility timeout DeleteMessage is InvalidParameterValue, "The receipt handle has expired"."""
    queue = make_queue(sqs, fifo=True, VisibilityTimeout="1")
    queue.send_fifo("m")
    (old,) = queue.receive()
    (new,) = queue.receive_within()
    for call in (lambda: queue.delete(old), lambda: queue.change_visibility(old, 5)):
        with pytest.raises(ClientError, match="The receipt handle has expired") as raised:
            call()
        assert raised.value.response["Error"]["Code"] == "InvalidParameterValue"
    queue.delete(new)
    assert queue.receive() == []


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"MessageDeduplicationId": "d"}, "MissingParameter"),
        ({"MessageGroupId": "g"}, "InvalidParameterValue"),
        ({"MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1}, "InvalidParameterValue"),
        ({"MessageGroupId": "with space", "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
        ({"MessageGroupId": "g", "MessageDeduplicationId": "x" * 129}, "InvalidParameterValue"),
    ],
)
def test_malformed_fifo_send_is_refused(sqs, members, code):
    """No group, no deduplication id, a delay of its own, a token of wrong characters or length."""
    with refused(code):
        make_queue(sqs, fifo=True).send("m", **members)


def test_delay_of_the_queue_holds_a_group_back_in_order(sqs):
    """The queue's DelaySeconds delays each message; the group waits for its head."""
    queue = make_queue(sqs, fifo=True, DelaySeconds="1")
    queue.send_fifo("0")
    queue.send_fifo("1")
    assert queue.receive() == []
    assert queue.counts() == (0, 0, 2)
    for expected in "01":
        (message,) = queue.receive_within()
        assert message["Body"] == expected
        queue.delete(message)


def test_receive_request_attempt_is_answered_again(sqs):
    """The same ReceiveRequestAttemptId gives the same messages and handles, until one of them was changed."""
    queue = make_queue(sqs, fifo=True)
    queue.send_fifo("0")
    queue.send_fifo("1")
    first = queue.receive(ReceiveRequestAttemptId="try")
    again = queue.receive(ReceiveRequestAttemptId="try")
    assert [one["ReceiptHandle"] for one in again] == [one["ReceiptHandle"] for one in first]
    queue.delete(first[0])
    assert queue.receive(ReceiveRequestAttemptId="try") == []


def test_long_poll_wakes_when_a_group_is_released(sqs_server):
    """Deleting what was in flight lets a waiting receive have the group's next message."""
    import threading

    queue = make_queue(sqs_server.client(), fifo=True)
    queue.send_fifo("0")
    queue.send_fifo("1")
    (held,) = queue.receive(1)
    found = []
    poller = threading.Thread(target=lambda: found.extend(queue.receive(WaitTimeSeconds=20)))
    poller.start()
    queue.delete(held)
    poller.join(19)
    assert bodies(found) == ["1"]


@pytest.mark.parametrize("seed", range(6))
def test_random_histories_agree_with_a_simple_model(sqs, seed):
    """Any sequence of sends, duplicates, receives, deletes and returns gives each group in order, each message once at a time."""
    dice = random.Random(seed)
    queue = make_queue(sqs, fifo=True, VisibilityTimeout="600")
    model = _Model()
    for step in range(150):
        action = dice.choices(["send", "duplicate", "receive", "delete", "return"], [5, 1, 4, 4, 2])[0]
        if action == "send":
            group = dice.choice("abcde")
            model.send(group, f"m{step}")
            model.answers[f"m{step}"] = queue.send_fifo(f"m{step}", group, MessageDeduplicationId=f"m{step}")
        elif action == "duplicate" and model.answers:
            body = dice.choice(list(model.answers))
            group = model.group_of[body]
            answer = queue.send_fifo(body, group, MessageDeduplicationId=body)
            assert answer["SequenceNumber"] == model.answers[body]["SequenceNumber"]
        elif action == "receive":
            model.receive(queue.receive(dice.randint(1, 10)))
        elif action == "delete" and model.in_flight:
            body = dice.choice(list(model.in_flight))
            queue.delete(model.in_flight.pop(body))
            model.groups[model.group_of[body]].remove(body)
        elif action == "return" and model.in_flight:
            body = dice.choice(list(model.in_flight))
            queue.change_visibility(model.in_flight.pop(body), 0)
    visible = sum(len(group) for group in model.groups.values()) - len(model.in_flight)
    assert queue.counts() == (visible, len(model.in_flight), 0)


class _Model:
    """A list per group; what is received must be the head of a group of which nothing is in flight."""

    def __init__(self) -> None:
        self.groups: dict[str, list[str]] = {}
        self.group_of: dict[str, str] = {}
        self.in_flight: dict[str, dict] = {}
        self.answers: dict[str, dict] = {}

    def send(self, group, body):
        self.groups.setdefault(group, []).append(body)
        self.group_of[body] = group

    def receive(self, messages):
        held = {self.group_of[body] for body in self.in_flight}
        expected_most = sum(len(bodies) for group, bodies in self.groups.items() if group not in held)
        assert bool(messages) == bool(expected_most), "an available group must be served, and only such"
        by_group: dict[str, list[str]] = {}
        for message in messages:
            by_group.setdefault(message["Attributes"]["MessageGroupId"], []).append(message["Body"])
            self.in_flight[message["Body"]] = message
        for group, received in by_group.items():
            assert group not in held
            assert received == self.groups[group][: len(received)]
