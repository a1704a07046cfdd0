"""Lambda: event source mappings"""

from __future__ import annotations

import asyncio
import json
import os
import signal

import psutil
import pytest

from local.lambda_service import Definitions, EventSourceMapping, FunctionDefinition
from tests.local.lambda_harness import Consumer, all_idle, eventually, function, running, settings
from tests.local.sqs_server import REGION, SENDERS, SqsServer, bodies, make_queue


@pytest.fixture
def queue(sqs):
    return make_queue(sqs, VisibilityTimeout="1")


@pytest.fixture
def fifo(sqs):
    return make_queue(sqs, fifo=True, VisibilityTimeout="1")


async def test_event_has_exactly_awss_shape(tmp_path, sqs_server, queue):
    """Each record: messageId, receiptHandle, body, attributes, messageAttributes, md5OfBody, source, ARN, region."""
    record = tmp_path / "r"
    keep = function("task_functions.keep_event", environment={"RECORD": str(record)}, timeout_seconds=1)
    attributes = {
        "text": {"DataType": "String", "StringValue": "ü"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sent = queue.send("böse", MessageAttributes=attributes)
    definitions = Definitions((keep,), (EventSourceMapping("f", queue.name),))
    async with running(definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(lambda: queue.counts() == (0, 0, 0))
    (one,) = json.loads(record.read_text())["event"]["Records"]
    assert one.pop("receiptHandle")
    assert {name: one["attributes"].pop(name).isdigit() for name in list(one["attributes"]) if "Timestamp" in name} == {
        "SentTimestamp": True,
        "ApproximateFirstReceiveTimestamp": True,
    }
    assert one == {
        "messageId": sent["MessageId"],
        "body": "böse",
        "attributes": {"ApproximateReceiveCount": "1", "SenderId": SENDERS["AKIAUSER"]},
        "messageAttributes": {
            "text": {"stringValue": "ü", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            "bytes": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": REGION,
    }


async def test_batch_has_at_most_batch_size_records(tmp_path, sqs_server, queue):
    """Seven messages with a batch size of three come in batches of three or fewer, and are deleted."""
    consumer = Consumer(tmp_path, queue, batch_size=3)
    consumer.send(*map(str, range(7)))
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await eventually(consumer.is_empty)
        await eventually(lambda: service.state().mappings[0].records == 7)
    assert max(len(record["ids"]) for record in consumer.records("start")) == 3
    assert sorted(consumer.done()) == [str(n) for n in range(7)]


async def test_batching_window_gathers_more_than_one_receive(tmp_path, sqs_server, queue):
    """With a window a batch may have more than ten records, and goes off as soon as batch_size is reached."""
    consumer = Consumer(tmp_path, queue, batch_size=25, maximum_batching_window_seconds=60)
    queue.set(VisibilityTimeout="90")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        consumer.send(*map(str, range(25)))
        await eventually(consumer.is_empty)
    assert [len(record["ids"]) for record in consumer.records("start")] == [25]


async def test_batching_window_ends(tmp_path, sqs_server, queue):
    """When the window is over a batch goes off with what there is."""
    consumer = Consumer(tmp_path, queue, batch_size=100, maximum_batching_window_seconds=1)
    queue.set(VisibilityTimeout="30")
    consumer.send("a", "b")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(consumer.is_empty)
    assert sorted(consumer.done()) == ["a", "b"]


async def test_only_reported_failures_come_again(tmp_path, sqs_server, queue):
    """ReportBatchItemFailures: what is reported returns after the visibility timeout, the rest is deleted."""
    consumer = Consumer(tmp_path, queue)
    consumer.send("a", {"id": "b", "fail": True}, "c")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(consumer.is_empty)
    done = consumer.done()
    assert sorted(done) == ["a", "b", "b", "c"]
    assert done[-1] == "b"


async def test_function_error_returns_the_whole_batch(tmp_path, sqs_server, queue):
    """An exception keeps every message of the batch; all come again after the visibility timeout."""
    consumer = Consumer(tmp_path, queue)
    entries = [{"Id": str(n), "MessageBody": json.dumps({"id": str(n), "raise": n == 1})} for n in range(3)]
    queue.client.send_message_batch(QueueUrl=queue.url, Entries=entries)
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(consumer.is_empty)
    started = consumer.records("start")
    assert len(started[0]["ids"]) == 3
    assert sorted(one for record in started[1:] for one in record["ids"]) == ["0", "1", "2"]


async def test_without_reporting_the_answer_does_not_matter(tmp_path, sqs_server, queue):
    """Where ReportBatchItemFailures is off, a successful invocation deletes the batch whatever it returns."""
    answer = {"ANSWER": json.dumps({"batchItemFailures": [{"itemIdentifier": ""}]})}
    consumer = Consumer(tmp_path, queue, report_batch_item_failures=False, environment=answer)
    consumer.send("a")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(consumer.is_empty)
    assert consumer.done() == ["a"]


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"wrongKey": "x"}]},
        {"batchItemFailures": [{"itemIdentifier": "of another batch"}]},
        {"batchItemFailures": "all"},
        "text",
    ],
)
async def test_malformed_failure_report_fails_the_whole_batch(tmp_path, sqs_server, queue, answer):
    """Empty, null or unknown itemIdentifier, a wrong key, another shape: everything comes again."""
    consumer = Consumer(tmp_path, queue, environment={"ANSWER": json.dumps(answer)})
    consumer.send("a")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(lambda: consumer.done() == ["a", "a"])
        await eventually(consumer.is_empty)


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
async def test_empty_failure_report_is_success(tmp_path, sqs_server, queue, answer):
    """Null, an empty object, an empty or null list: the batch is deleted. (An empty object counts as an empty list.)"""
    consumer = Consumer(tmp_path, queue, environment={"ANSWER": json.dumps(answer)})
    consumer.send("a")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(consumer.is_empty)
    assert consumer.done() == ["a"]


async def test_sandbox_killed_while_it_works_loses_no_message(tmp_path, sqs_server, queue):
    """kill -9 in the middle of a batch: the message returns after its visibility timeout, to a new process."""
    consumer = Consumer(tmp_path, queue)
    consumer.send({"id": "a", "sleep": 60})
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await eventually(lambda: consumer.records("start"))
        os.kill(service.processes()["f.1"], signal.SIGKILL)
        await eventually(consumer.is_empty)
    assert consumer.done() == ["a"]
    assert len({record["pid"] for record in consumer.records()}) == 2


async def test_timed_out_batch_returns(tmp_path, sqs_server, queue):
    """A batch whose function was killed at its timeout comes again."""
    consumer = Consumer(tmp_path, queue, timeout_seconds=0.5)
    consumer.send({"id": "a", "sleep": 60})
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await eventually(consumer.is_empty)
        assert service.state().functions[0].timeouts == 1
    assert consumer.done() == ["a"]


async def test_failing_message_ends_in_the_dead_letter_queue(tmp_path, sqs_server, sqs):
    """50 messages with one poisoned: after maxReceiveCount 0 are in the queue and 1 in the dead-letter queue."""
    dead = make_queue(sqs)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})
    queue = make_queue(sqs, VisibilityTimeout="1", RedrivePolicy=policy)
    consumer = Consumer(tmp_path, queue, processes=2)
    consumer.send(*({"id": str(n), "fail": n == 25, "times": 99} for n in range(50)))
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        (message,) = await asyncio.to_thread(dead.receive_within, 20)
        await eventually(consumer.is_empty)
    assert json.loads(message["Body"])["id"] == "25"
    assert set(consumer.done()) == {str(n) for n in range(50)}


async def test_throttled_batch_waits_and_is_not_lost(tmp_path, sqs_server, sqs):
    """A function at its reserved concurrency: the mapping backs off and invokes again while the messages are its own."""
    queue = make_queue(sqs, VisibilityTimeout="20")
    environment = {"RECORD": str(tmp_path / "record.jsonl")}
    consume = function("task_functions.consume", environment=environment, reserved_concurrency=1, processes=2)
    definitions = Definitions((consume,), (EventSourceMapping("f", queue.name, batch_size=1),))
    for n in range(6):
        queue.send(json.dumps({"id": str(n), "sleep": 0.1}))
    async with running(definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await eventually(lambda: queue.counts() == (0, 0, 0))
        state = service.state().functions[0]
    assert state.throttles > 0
    assert state.invocations == 6, "each came through once: none returned to the queue in between"


@pytest.mark.parametrize(("maximum", "expected"), [(2, 2), (None, 3)])
async def test_maximum_concurrency_bounds_batches_at_work(tmp_path, sqs_server, sqs, maximum, expected):
    """At most MaximumConcurrency batches at a time; without it, as many as the function has processes."""
    queue = make_queue(sqs, VisibilityTimeout="30")
    consumer = Consumer(tmp_path, queue, batch_size=1, maximum_concurrency=maximum, processes=3, timeout_seconds=20)
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await all_idle(service)
        consumer.send(*({"id": str(n), "sleep": 0.4} for n in range(7)))
        await eventually(lambda: len(consumer.done("start")) == 7)
        await eventually(consumer.is_empty)
    assert _most_at_once(consumer) == expected


async def test_fifo_group_is_worked_on_in_order_by_one_batch_at_a_time(tmp_path, sqs_server, sqs):
    """Groups run side by side in several processes; within a group order holds and no two batches overlap."""
    queue = make_queue(sqs, fifo=True, VisibilityTimeout="30")
    consumer = Consumer(tmp_path, queue, batch_size=2, processes=3, timeout_seconds=20)
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await all_idle(service)
        for n in range(6):
            for group in "abc":
                consumer.send({"id": f"{group}{n}", "sleep": 0.1}, group=group)
        await eventually(lambda: len(consumer.done("start")) == 18)
        await eventually(consumer.is_empty)
    for group in "abc":
        assert [one for one in consumer.done("start") if one[0] == group] == [f"{group}{n}" for n in range(6)]
        mine = [record["kind"] for record in consumer.records() if group in record["groups"]]
        assert mine == ["start", "end"] * (len(mine) // 2), "no batch of the group begins before the last one ended"
    assert len({record["pid"] for record in consumer.records()}) > 1


async def test_group_still_at_work_is_not_begun_again(tmp_path, sqs_server, fifo):
    """A batch that outlasts its visibility timeout comes again, but only after the first one has ended."""
    consumer = Consumer(tmp_path, fifo, batch_size=1, processes=2)
    busy = {"body": json.dumps({"id": "direct", "sleep": 0.8}), "attributes": {"ApproximateReceiveCount": "1"}}
    event = json.dumps({"Records": [busy | {"messageId": "m"}]}).encode()
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await all_idle(service)
        others = [asyncio.create_task(service.invoke("f", event)) for _ in range(2)]
        await eventually(lambda: consumer.done("start") == ["direct"] * 2)
        consumer.send({"id": "u0", "sleep": 0.8}, group="u")  # waits for a process, then works beyond its second
        await asyncio.gather(*others)
        await eventually(consumer.is_empty)
    mine = [record["kind"] for record in consumer.records() if record["ids"] == ["u0"]]
    assert mine == ["start", "end"] * (len(mine) // 2)
    assert len(mine) >= 4, "its receipt handle had expired, so it came again"


async def test_fifo_order_survives_failures(tmp_path, sqs_server, fifo):
    """A failed message comes again before those behind it in its group, which were not worked on meanwhile."""
    consumer = Consumer(tmp_path, fifo, processes=2)
    for n in range(4):
        consumer.send({"id": f"a{n}", "fail": n == 1}, group="a")
    consumer.send("b0", group="b")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(consumer.is_empty)
    seen = [one for one in consumer.done() if one[0] == "a"]
    assert seen.index("a0") < seen.index("a1")
    last = {one: len(seen) - 1 - seen[::-1].index(one) for one in seen}
    assert sorted(last, key=last.get) == ["a0", "a1", "a2", "a3"]


async def test_fifo_order_survives_a_killed_sandbox(tmp_path, sqs_server, fifo):
    """kill -9 while u0 is at work: u0 is worked on first again, then u1 and u2."""
    consumer = Consumer(tmp_path, fifo, batch_size=1, processes=2)
    for n in range(3):
        consumer.send({"id": f"u{n}", "exit": n == 0}, group="u")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(consumer.is_empty)
    assert consumer.done("start") == ["u0", "u0", "u1", "u2"]


async def test_large_batch_is_split_at_six_megabytes(tmp_path, sqs_server, sqs):
    """Ten messages of 1 MB are more than one event may have: they come in two, in order."""
    queue = make_queue(sqs, fifo=True, VisibilityTimeout="60")
    consumer = Consumer(tmp_path, queue, timeout_seconds=30)
    for n in range(8):
        consumer.send({"id": str(n), "filler": "x" * 1_000_000}, group="g")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)):
        await eventually(consumer.is_empty, 30)
    assert consumer.done() == [str(n) for n in range(8)]
    assert len(consumer.records("start")[0]["ids"]) == 6


async def test_visibility_timeout_below_the_functions_is_refused(tmp_path, sqs_server, queue):
    """As CreateEventSourceMapping says: the queue's visibility timeout must not be less than the function's timeout."""
    consumer = Consumer(tmp_path, queue, timeout_seconds=2)
    consumer.send("a")
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await eventually(lambda: "is less than Function timeout" in service.state().mappings[0].state)
        assert consumer.records() == []
        queue.set(VisibilityTimeout="3")
        await eventually(consumer.is_empty)


async def test_mapping_outlives_an_outage_of_the_queue(tmp_path):
    """While SQS is down the mapping backs off and says so; when it is back, messages flow again."""
    server = SqsServer(tmp_path / "sqs")
    try:
        queue = make_queue(server.client(), VisibilityTimeout="1")
        consumer = Consumer(tmp_path, queue)
        async with running(consumer.definitions, settings(tmp_path, server.endpoint)) as service:
            await eventually(lambda: service.state().mappings[0].state == "polling")
            server.kill()
            await eventually(lambda: "Unreachable" in service.state().mappings[0].state)
            server.start()
            consumer.send("a")
            await eventually(lambda: consumer.done() == ["a"])
            await eventually(lambda: service.state().mappings[0].state == "polling")
    finally:
        server.kill()


async def test_stopping_service_lets_batches_finish(tmp_path, sqs_server, queue):
    """stop() waits for what is under way, within its grace, so that a finished batch is also deleted."""
    consumer = Consumer(tmp_path, queue)
    consumer.send({"id": "a", "sleep": 0.3})
    async with running(consumer.definitions, settings(tmp_path, sqs_server.endpoint, stop_grace_seconds=10)):
        await eventually(lambda: consumer.records("start"))
    assert consumer.done() == ["a"]
    assert queue.counts() == (0, 0, 0)


async def test_idle_mappings_cost_next_to_nothing(tmp_path, sqs_server, sqs):
    """Ten mappings on empty queues wait in long polls: no polling in a loop. (Requests counted, not time.)"""
    queues = [make_queue(sqs) for _ in range(10)]
    definitions = Definitions((function(),), tuple(EventSourceMapping("f", queue.name) for queue in queues))
    async with running(definitions, settings(tmp_path, sqs_server.endpoint)) as service:
        await eventually(lambda: all(one.state == "polling" for one in service.state().mappings))
        calls = []
        call = service._client.call

        async def counted(operation, members):
            calls.append(operation)
            return await call(operation, members)

        service._client.call = counted
        before = psutil.Process().cpu_times()
        await asyncio.to_thread(sqs.receive_message, QueueUrl=make_queue(sqs).url, WaitTimeSeconds=2)
        after = psutil.Process().cpu_times()
    assert calls == []
    assert after.user >= before.user


async def test_two_functions_have_their_own_queues(tmp_path, sqs_server, sqs):
    """Mappings don't mix: each function gets its queue's messages only."""
    consumers = []
    for name in ("one", "two"):
        directory = tmp_path / name
        directory.mkdir()
        consumer = Consumer(directory, make_queue(sqs, VisibilityTimeout="1"))
        consumer.send(name)
        consumers.append(consumer)
    functions = tuple(
        FunctionDefinition(name, "task_functions.consume", consumer.function.environment, 1, processes=1)
        for name, consumer in zip(("one", "two"), consumers, strict=True)
    )
    mappings = tuple(EventSourceMapping(f.name, c.queue.name) for f, c in zip(functions, consumers, strict=True))
    async with running(Definitions(functions, mappings), settings(tmp_path, sqs_server.endpoint)):
        await eventually(lambda: all(consumer.is_empty() for consumer in consumers))
    assert [consumer.done() for consumer in consumers] == [["one"], ["two"]]
    assert bodies(consumers[0].queue.receive()) == []


def _most_at_once(consumer):
    now = most = 0
    for record in sorted(consumer.records(), key=lambda record: record["at"]):
        now += 1 if record["kind"] == "start" else -1
        most = max(most, now)
    return most
