"""Runs the local SQS as its own process on a free port, and unmodified boto3 clients for it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from local.sqs import Limits, SenderId, create_sqs_app

REGION = "eu-central-1"
ACCOUNT = "000000000000"
ROOT = Path(__file__).parents[2]
SENDERS = {"AKIAUSER": "AIDAUSER", "AKIAROLE": "AROAROLE:session", "test": "AIDALOCALDEVELOPER"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sqs_client(endpoint, access_key="AKIAUSER"):
    return boto3.session.Session().client(
        "sqs",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=40, read_timeout=30),
    )


class SqsServer:
    """`python -m local.sqs`; its data outlive a kill and a restart."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        senders = [part for key, sender in SENDERS.items() for part in ("--sender", f"{key}={sender}")]
        command = [sys.executable, "-m", "local.sqs", "--port", str(self.port), "--data", str(self.data), *senders]
        self.process = subprocess.Popen(command, cwd=ROOT)
        client = self.client()
        deadline = time.monotonic() + 60
        while True:
            try:
                client.list_queues()
            except EndpointConnectionError:
                assert self.process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.02)
            else:
                return

    def client(self, access_key="AKIAUSER"):
        return sqs_client(self.endpoint, access_key)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Queue:
    """One queue and the calls that tests make on it."""

    def __init__(self, client, name, url) -> None:
        self.client, self.name, self.url = client, name, url

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"

    def send(self, body, **members):
        return self.client.send_message(QueueUrl=self.url, MessageBody=body, **members)

    def send_fifo(self, body, group="g", **members):
        members.setdefault("MessageDeduplicationId", str(uuid.uuid4()))
        return self.send(body, MessageGroupId=group, **members)

    def receive(self, most=10, **members):
        members.setdefault("MessageSystemAttributeNames", ["All"])
        members.setdefault("MessageAttributeNames", ["All"])
        return self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=most, **members).get("Messages", [])

    def receive_within(self, seconds=30, count=1, **members):
        """Long polls until so many messages came."""
        deadline, messages = time.monotonic() + seconds, []
        while len(messages) < count:
            assert time.monotonic() < deadline, f"only {len(messages)} of {count} messages"
            messages += self.receive(min(10, count - len(messages)), WaitTimeSeconds=2, **members)
        return messages

    def delete(self, message):
        return self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def change_visibility(self, message, seconds):
        return self.client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def set(self, **attributes):
        return self.client.set_queue_attributes(QueueUrl=self.url, Attributes=attributes)

    def attributes(self, *names):
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names or ("All",)))
        return answer.get("Attributes", {})

    def counts(self):
        """Visible, in flight, delayed."""
        values = self.attributes()
        kinds = ("", "NotVisible", "Delayed")
        return tuple(int(values[f"ApproximateNumberOfMessages{kind}"]) for kind in kinds)


def make_queue(client, fifo=False, name=None, **attributes) -> Queue:
    name = name or f"q-{uuid.uuid4().hex[:12]}" + (".fifo" if fifo else "")
    if fifo:
        attributes["FifoQueue"] = "true"
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return Queue(client, name, url)


def bodies(messages):
    return [message["Body"] for message in messages]


@contextmanager
def refused(code):
    """The call must be refused with that error code."""
    with pytest.raises(ClientError) as raised:
        yield
    assert raised.value.response["Error"]["Code"] == code, raised.value


@contextmanager
def server_in_thread(data: Path, limits: Limits):
    """For what only other limits can show in a test's time."""
    port = free_port()
    app = create_sqs_app(
        data,
        region=REGION,
        account_id=ACCOUNT,
        base_url=f"http://127.0.0.1:{port}",
        sender_ids={key: SenderId(sender) for key, sender in SENDERS.items()},
        limits=limits,
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield sqs_client(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join()
