"""What the functions under test do, as their event or a message's body tells them."""

import json
import os
import sys
import time
from pathlib import Path


def _record(**values):
    line = json.dumps({"pid": os.getpid(), **values}) + "\n"
    descriptor = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def echo(event, context):
    print("said by the function")
    return {
        "event": event,
        "pid": os.getpid(),
        "request_id": context.aws_request_id,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "name": context.function_name,
        "version": context.function_version,
        "log_group": context.log_group_name,
        "environment": dict(os.environ),
        "cwd": str(Path.cwd()),
    }


def obey(event, context):
    if isinstance(event, dict):
        _record(event=event)
        if event.get("sleep"):
            time.sleep(event["sleep"])
        if event.get("exit") is not None:
            os._exit(event["exit"])
        if event.get("raise"):
            raise ValueError(event["raise"])
        if event.get("size"):
            return "x" * event["size"]
    return event


def consume(event, context):
    """Each message's body is JSON: {"id", "sleep", "fail", "exit"} decide what becomes of it."""
    started = time.time()
    bodies = [json.loads(record["body"]) for record in event["Records"]]
    times = [int(record["attributes"]["ApproximateReceiveCount"]) for record in event["Records"]]
    groups = [record["attributes"].get("MessageGroupId") for record in event["Records"]]
    _record(kind="start", ids=[body["id"] for body in bodies], groups=groups, at=started)
    failures = []
    is_broken = False
    for record, body, count in zip(event["Records"], bodies, times, strict=True):
        first_time = count <= body.get("times", 1)
        if body.get("sleep") and first_time:
            time.sleep(body["sleep"])
        if body.get("exit") and first_time:
            os._exit(1)
        if body.get("raise") and first_time:
            raise ValueError(body["id"])
        group = record["attributes"].get("MessageGroupId")
        if (body.get("fail") and first_time) or (group and is_broken):
            is_broken = True
            failures.append({"itemIdentifier": record["messageId"]})
    _record(kind="end", ids=[body["id"] for body in bodies], groups=groups, at=time.time())
    if "ANSWER" in os.environ and times[0] == 1:
        return json.loads(os.environ["ANSWER"])
    return {"batchItemFailures": failures}


def keep_event(event, context):
    _record(event=event)


def with_child(event, context):
    import subprocess

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"child": child.pid}
