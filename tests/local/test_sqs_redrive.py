"""SQS: dead-letter queues and redrive"""

from __future__ import annotations

import json
import time

import pytest

from tests.local.sqs_server import SqsServer, bodies, make_queue, refused


def redrive_to(dead, after):
    return json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": after})


def test_message_received_too_often_goes_to_the_dead_letter_queue(sqs):
    """After maxReceiveCount receives the next look moves it, with id, body, attributes and where it came from."""
    dead = make_queue(sqs)
    queue = make_queue(sqs, VisibilityTimeout="0", RedrivePolicy=redrive_to(dead, 2))
    sent = queue.send("m", MessageAttributes={"a": {"DataType": "String", "StringValue": "x"}})
    assert [len(queue.receive()) for _ in range(3)] == [1, 1, 0]
    (message,) = dead.receive()
    assert (message["Body"], message["MessageId"]) == ("m", sent["MessageId"])
    assert message["MessageAttributes"]["a"]["StringValue"] == "x"
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn
    assert message["Attributes"]["ApproximateReceiveCount"] == "3"
    assert queue.counts() == (0, 0, 0)


def test_fifo_dead_letters_keep_group_and_order(sqs):
    """u0, u1, u2 fail together: the FIFO dead-letter queue has them in that order and group; u3 was not held up."""
    dead = make_queue(sqs, fifo=True)
    queue = make_queue(sqs, fifo=True, VisibilityTimeout="0", RedrivePolicy=redrive_to(dead, 1))
    for n in range(4):
        queue.send_fifo(f"u{n}", group="user")
    assert bodies(queue.receive(3)) == ["u0", "u1", "u2"]
    assert bodies(queue.receive_within()) == ["u3"]
    messages = dead.receive()
    assert bodies(messages) == ["u0", "u1", "u2"]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"user"}


def test_long_poll_on_the_dead_letter_queue_is_woken_by_a_move(sqs):
    """A consumer that waits on the dead-letter queue gets what is moved there."""
    import threading

    dead = make_queue(sqs)
    queue = make_queue(sqs, VisibilityTimeout="0", RedrivePolicy=redrive_to(dead, 1))
    queue.send("m")
    found = []
    poller = threading.Thread(target=lambda: found.extend(dead.receive(WaitTimeSeconds=20)))
    poller.start()
    queue.receive()
    queue.receive()
    poller.join(19)
    assert bodies(found) == ["m"]


def test_malformed_redrive_policy_is_refused(sqs):
    """Unknown target, other type of queue, missing or impossible maxReceiveCount."""
    queue, fifo = make_queue(sqs), make_queue(sqs, fifo=True)
    for policy in (
        {"deadLetterTargetArn": queue.arn + "-not", "maxReceiveCount": 1},
        {"deadLetterTargetArn": fifo.arn, "maxReceiveCount": 1},
        {"deadLetterTargetArn": queue.arn},
        {"deadLetterTargetArn": queue.arn, "maxReceiveCount": 0},
        {"deadLetterTargetArn": queue.arn, "maxReceiveCount": 1001},
    ):
        with refused("InvalidParameterValue"):
            make_queue(sqs, RedrivePolicy=json.dumps(policy))


def test_redrive_allow_policy_decides_whose_dead_letters_are_taken(sqs):
    """denyAll refuses every source, byQueue all but those named."""
    source = make_queue(sqs)
    closed = make_queue(sqs, RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    named = {"redrivePermission": "byQueue", "sourceQueueArns": [source.arn]}
    chosen = make_queue(sqs, RedriveAllowPolicy=json.dumps(named))
    source.set(RedrivePolicy=redrive_to(chosen, 1))
    for refusing in (closed, chosen):
        with refused("InvalidParameterValue"):
            make_queue(sqs, RedrivePolicy=redrive_to(refusing, 1))
    with refused("InvalidParameterValue"):
        make_queue(sqs, RedriveAllowPolicy=json.dumps({"redrivePermission": "byQueue"}))


def test_sources_of_a_dead_letter_queue_are_listed(sqs):
    """ListDeadLetterSourceQueues names the queues whose RedrivePolicy points there."""
    dead = make_queue(sqs)
    sources = [make_queue(sqs, RedrivePolicy=redrive_to(dead, 1)) for _ in range(2)]
    listed = sqs.list_dead_letter_source_queues(QueueUrl=dead.url)["queueUrls"]
    assert sorted(listed) == sorted(source.url for source in sources)


@pytest.mark.parametrize("fifo", [False, True])
def test_move_task_sends_dead_letters_back_in_order(sqs, fifo):
    """StartMessageMoveTask without destination: each goes to the queue it came from, in order, as a new message."""
    dead = make_queue(sqs, fifo=fifo)
    queue = make_queue(sqs, fifo=fifo, VisibilityTimeout="0", RedrivePolicy=redrive_to(dead, 1))
    send = queue.send_fifo if fifo else queue.send
    sent = [send(str(n))["MessageId"] for n in range(3)]
    assert len(queue.receive()) == 3
    assert queue.receive() == []
    handle = sqs.start_message_move_task(SourceArn=dead.arn)["TaskHandle"]
    assert handle
    result = _finished_task(sqs, dead)
    assert (result["Status"], result["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 3)
    assert "TaskHandle" not in result
    messages = queue.receive_within(count=3, VisibilityTimeout=30)
    assert sorted(bodies(messages)) == ["0", "1", "2"]
    if fifo:
        assert bodies(messages) == ["0", "1", "2"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in messages} == {"1"}
    assert not set(sent) & {message["MessageId"] for message in messages}
    assert dead.counts() == (0, 0, 0)


def test_move_task_can_have_another_destination_and_be_cancelled(sqs):
    """One task per source at a time; a slow one is cancelled and says how many it moved."""
    dead, elsewhere = make_queue(sqs), make_queue(sqs)
    make_queue(sqs, RedrivePolicy=redrive_to(dead, 1))
    for n in range(5):
        dead.send(str(n))
    start = {"SourceArn": dead.arn, "DestinationArn": elsewhere.arn, "MaxNumberOfMessagesPerSecond": 1}
    handle = sqs.start_message_move_task(**start)["TaskHandle"]
    with pytest.raises(sqs.exceptions.UnsupportedOperation):
        sqs.start_message_move_task(**start)
    elsewhere.receive_within()
    assert sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"][0]["TaskHandle"] == handle
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert 1 <= moved < 5
    assert _finished_task(sqs, dead)["Status"] == "CANCELLED"
    with pytest.raises(sqs.exceptions.ResourceNotFoundException):
        sqs.cancel_message_move_task(TaskHandle=handle)


def test_move_task_wants_a_dead_letter_queue(sqs):
    """UnsupportedOperation for a queue that is nobody's dead-letter queue, ResourceNotFoundException for none."""
    queue = make_queue(sqs)
    with pytest.raises(sqs.exceptions.UnsupportedOperation):
        sqs.start_message_move_task(SourceArn=queue.arn)
    with pytest.raises(sqs.exceptions.ResourceNotFoundException):
        sqs.start_message_move_task(SourceArn=queue.arn + "-not")


def test_move_task_goes_on_after_a_restart(tmp_path):
    """A task that ran when the service was killed moves the rest when it is back."""
    server = SqsServer(tmp_path)
    try:
        client = server.client()
        dead, elsewhere = make_queue(client), make_queue(client)
        make_queue(client, RedrivePolicy=redrive_to(dead, 1))
        for n in range(4):
            dead.send(str(n))
        start = {"SourceArn": dead.arn, "DestinationArn": elsewhere.arn, "MaxNumberOfMessagesPerSecond": 2}
        client.start_message_move_task(**start)
        first = elsewhere.receive_within()
        server.kill()
        server.start()
        rest = elsewhere.receive_within(count=3)
        assert sorted(bodies(first + rest)) == ["0", "1", "2", "3"]
        assert _finished_task(client, dead)["Status"] == "COMPLETED"
    finally:
        server.kill()


def _finished_task(client, dead):
    deadline = time.monotonic() + 40
    while True:
        result = client.list_message_move_tasks(SourceArn=dead.arn)["Results"][0]
        if result["Status"] != "RUNNING":
            return result
        assert time.monotonic() < deadline, result
