"""Runs a LambdaService for one test, on the shared SQS."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from pathlib import Path

import boto3
import uvicorn
from botocore.config import Config

from local.lambda_service import Definitions, EventSourceMapping, FunctionDefinition, LambdaService, LambdaSettings
from local.lambda_service.http_api import LambdaApi
from tests.local.sqs_server import REGION, free_port

TASK = Path(__file__).parent / "lambda_task"


def settings(directory: Path, endpoint="http://127.0.0.1:9", **changes) -> LambdaSettings:
    return LambdaSettings(
        **{
            "state_dir": directory / "state",
            "log_dir": directory / "logs",
            "task_root": TASK,
            "sqs_endpoint_url": endpoint,
            "access_key_id": "AKIAROLE",
            "stop_grace_seconds": 0.5,
            "first_backoff_seconds": 0.05,
            "longest_backoff_seconds": 0.2,
            "asynchronous_retry_seconds": (0.1, 0.1),
            **changes,
        }
    )


def function(handler="task_functions.echo", name="f", **members) -> FunctionDefinition:
    members.setdefault("processes", 1)
    return FunctionDefinition(name=name, handler=handler, **members)


@asynccontextmanager
async def running(definitions, chosen: LambdaSettings, ready=True):
    if isinstance(definitions, FunctionDefinition):
        definitions = Definitions((definitions,))
    service = LambdaService(definitions, chosen)
    await service.start()
    try:
        if ready:
            await service.wait_ready(60)
        yield service
    finally:
        await service.stop()


@asynccontextmanager
async def invoke_api(service):
    """boto3's `lambda` client, unmodified, for a running service; call it in a thread."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(LambdaApi(service), host="127.0.0.1", port=port, log_level="warning"))
    serving = asyncio.create_task(server._serve())
    try:
        await eventually(lambda: server.started)
        yield boto3.session.Session().client(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
    finally:
        server.should_exit = True
        await serving


async def eventually(condition, seconds=40):
    """The condition's first true value, looked for until the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)
    return value


async def all_idle(service):
    """Until every sandbox waits for work."""
    sandboxes = [pool.sandboxes for pool in service._pools.values()]
    await eventually(lambda: all(one.state().state == "idle" for pool in sandboxes for one in pool))


class Consumer:
    """`task_functions.consume` behind a queue, and what it recorded."""

    def __init__(self, directory: Path, queue, **members) -> None:
        self.queue = queue
        self.path = directory / "record.jsonl"
        mapping = {key: members.pop(key) for key in list(members) if key in EventSourceMapping.__dataclass_fields__}
        environment = {"RECORD": str(self.path), **members.pop("environment", {})}
        members.setdefault("timeout_seconds", 1)
        self.function = function("task_functions.consume", environment=environment, **members)
        mapping.setdefault("report_batch_item_failures", True)
        self.definitions = Definitions((self.function,), (EventSourceMapping("f", queue.name, **mapping),))

    def send(self, *messages, group=None):
        for message in messages:
            body = json.dumps({"id": message} if isinstance(message, str) else message)
            if group is None:
                self.queue.send(body)
            else:
                self.queue.send_fifo(body, group=group)

    def records(self, kind=None):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        records = [json.loads(line) for line in lines]
        return [record for record in records if kind is None or record.get("kind") == kind]

    def done(self, kind="end"):
        """The ids that were worked on, in order."""
        return [one for record in self.records(kind) for one in record["ids"]]

    def is_empty(self):
        return self.queue.counts() == (0, 0, 0)
