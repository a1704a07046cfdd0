"""SQS: durability and speed"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.local.sqs_server import ROOT, SqsServer, bodies, free_port, make_queue


@pytest.fixture
def server(tmp_path):
    server = SqsServer(tmp_path)
    yield server
    server.kill()


@pytest.mark.alone
@pytest.mark.parametrize("fifo", [False, True])
def test_kill_under_load_loses_nothing_acknowledged(server, fifo):
    """kill -9 while eight clients send: after the restart every acknowledged message is there, once, and in order."""
    queue = make_queue(server.client(), fifo=fifo)
    acknowledged: list[list[str]] = [[] for _ in range(8)]
    enough = threading.Event()

    def send_until_killed(n):
        client = server.client()
        for number in range(100_000):
            entry = {"QueueUrl": queue.url, "MessageBody": f"{n}-{number}"}
            if fifo:
                entry |= {"MessageGroupId": str(n), "MessageDeduplicationId": f"{n}-{number}"}
            try:
                client.send_message(**entry)
            except (BotoCoreError, ClientError):
                return
            acknowledged[n].append(f"{n}-{number}")
            if sum(map(len, acknowledged)) > 300:
                enough.set()

    senders = [threading.Thread(target=send_until_killed, args=(n,)) for n in range(8)]
    for sender in senders:
        sender.start()
    assert enough.wait(60)
    server.kill()
    for sender in senders:
        sender.join()
    server.start()
    found = []
    while messages := queue.receive():
        found += bodies(messages)
        for message in messages:
            queue.delete(message)
    assert len(found) == len(set(found))
    assert {body for sent in acknowledged for body in sent} <= set(found)
    if fifo:
        for n, sent in enumerate(acknowledged):
            assert [body for body in found if body.startswith(f"{n}-")][: len(sent)] == sent


def test_in_flight_messages_and_handles_survive_a_kill(server):
    """After kill -9 a held message is still hidden, its group still held, its receipt handle still good."""
    client = server.client()
    standard, fifo = make_queue(client), make_queue(client, fifo=True)
    standard.send("m")
    fifo.send_fifo("0")
    fifo.send_fifo("1")
    (held,) = standard.receive()
    (head,) = fifo.receive(1)
    server.kill()
    server.start()
    assert standard.receive() == []
    assert fifo.receive() == []
    standard.delete(held)
    fifo.delete(head)
    assert bodies(fifo.receive()) == ["1"]
    assert standard.counts() == (0, 0, 0)


def test_deleted_message_stays_deleted_after_a_kill(server):
    """An acknowledged delete is as durable as an acknowledged send."""
    queue = make_queue(server.client(), VisibilityTimeout="0")
    queue.send("gone")
    queue.send("stays")
    for message in queue.receive():
        if message["Body"] == "gone":
            queue.delete(message)
    server.kill()
    server.start()
    assert bodies(queue.receive()) == ["stays"]


def test_concurrent_consumers_get_each_message_once(sqs):
    """Eight consumers empty a queue together: none gets what another holds."""
    queue = make_queue(sqs)
    for start in range(0, 200, 10):
        entries = [{"Id": str(n), "MessageBody": str(start + n)} for n in range(10)]
        sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    found: list[str] = []

    def consume():
        while messages := queue.receive():
            found.extend(bodies(messages))

    consumers = [threading.Thread(target=consume) for _ in range(8)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join()
    assert sorted(map(int, found)) == list(range(200))


def test_stop_ends_long_polls_at_once(server):
    """SIGTERM answers waiting receives with nothing, and the process ends with status 0."""
    queue = make_queue(server.client())
    poller = threading.Thread(target=lambda: queue.receive(WaitTimeSeconds=20))
    poller.start()
    queue.client.list_queues()
    started = time.monotonic()
    assert server.stop() == 0
    poller.join()
    assert time.monotonic() - started < 15


def test_second_process_on_the_same_data_is_refused(server):
    """Two processes on one directory would not wake each other's receivers: the second says so and ends."""
    command = [sys.executable, "-m", "local.sqs", "--port", str(free_port()), "--data", str(server.data)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode != 0
    assert "does another process use them?" in second.stderr


@pytest.mark.alone
@pytest.mark.parametrize("fifo", [False, True])
def test_concurrent_sends_share_their_fsyncs(tmp_path, fifo):
    """Group commit: many concurrent batches need far fewer commits than requests, each durable before its answer."""
    import asyncio

    from local.sqs import SenderId, create_sqs_app
    from local.sqs.parameters import Parameters
    from local.sqs.queues import create_queue
    from local.sqs.sending import send_message

    app = create_sqs_app(tmp_path, region="r", account_id="0" * 12, base_url="http://x", sender_ids={})
    name = "q.fifo" if fifo else "q"
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}

    async def run():
        store, sender = app.store, SenderId("s")
        made = Parameters({"QueueName": name, "Attributes": attributes})
        url = (await store.commits.submit(lambda: create_queue(store, made, sender)))["QueueUrl"]
        before = store.commits.commits

        async def send(n):
            for number in range(20):
                group = {"MessageGroupId": str(n)} if fifo else {}
                message = Parameters({"QueueUrl": url, "MessageBody": f"{n}-{number}", **group})
                await store.commits.submit(lambda message=message: send_message(store, message, sender))

        await asyncio.gather(*(send(n) for n in range(50)))
        commits = store.commits.commits - before
        (count,) = store.execute("SELECT count(*) FROM messages").fetchone()
        await app.aclose()
        return commits, count

    commits, count = asyncio.run(run())
    assert count == 1000
    assert commits <= 100
