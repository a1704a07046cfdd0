"""SQS and Lambda in one process"""

from __future__ import annotations

import asyncio
import json

import boto3
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from local.lambda_service import Definitions, EventSourceMapping, LambdaService
from local.lambda_service.http_api import LambdaApi
from local.sqs import SenderId, create_sqs_app
from tests.local.lambda_harness import eventually, function, settings
from tests.local.sqs_server import ACCOUNT, REGION, free_port, sqs_client


async def test_one_process_serves_queues_functions_and_invoke(tmp_path):
    """The queues, the Invoke API and the functions mounted in one Starlette app under one endpoint, as a gateway does."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    senders = {"AKIAROLE": SenderId("AROAROLE:session")}
    queues = create_sqs_app(tmp_path / "sqs", region=REGION, account_id=ACCOUNT, base_url=endpoint, sender_ids=senders)
    environment = {"RECORD": str(tmp_path / "r")}
    changes = []
    service = LambdaService(
        Definitions(
            (function("task_functions.keep_event", environment=environment, timeout_seconds=1),),
            (EventSourceMapping("f", "q"),),
        ),
        settings(tmp_path, endpoint),
        lambda: changes.append(1),
    )
    app = Starlette(routes=[Mount("/2015-03-31", LambdaApi(service)), Mount("/", queues)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server._serve())
    try:
        await eventually(lambda: server.started)
        await service.start()
        client = sqs_client(endpoint, "AKIAROLE")
        url = (await asyncio.to_thread(client.create_queue, QueueName="q"))["QueueUrl"]
        await asyncio.to_thread(client.send_message, QueueUrl=url, MessageBody="hello")
        await eventually((tmp_path / "r").exists)
        invoker = boto3.client(
            "lambda",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="AKIAROLE",
            aws_secret_access_key="secret",
        )
        answer = await asyncio.to_thread(invoker.invoke, FunctionName="f", Payload=b'"direct"')
        assert answer["StatusCode"] == 200
        events = [json.loads(line)["event"] for line in (tmp_path / "r").read_text().splitlines()]
        assert events[0]["Records"][0]["body"] == "hello"
        assert events[0]["Records"][0]["attributes"]["SenderId"] == "AROAROLE:session"
        assert events[1] == "direct"
        assert changes, "a live view is told"
        json.dumps(service.state().as_json())
    finally:
        await service.stop()
        server.should_exit = True
        await serving
        await queues.aclose()
