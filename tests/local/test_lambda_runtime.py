"""Lambda: the runtime, invocations and their failures"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import psutil
import pytest

from local.lambda_service import DefinitionError, Definitions, EventSourceMapping, FunctionDefinition, Schedule
from local.lambda_service.invocation import InvokeError, RequestTooLargeError, TooManyRequestsError
from local.lambda_service.runtime_http import HttpResponse, serve
from tests.local.lambda_harness import TASK, all_idle, eventually, function, invoke_api, running, settings
from tests.local.sqs_server import ROOT, free_port

ARN = "arn:aws:lambda:eu-central-1:000000000000:function:f"


async def test_function_sees_lambdas_context_and_environment(tmp_path):
    """awslambdaric gives request id, deadline, ARN, memory, name and log group; the environment is Lambda's and its own."""
    definition = function(environment={"OWN": "value"}, memory_mb=256, timeout_seconds=30)
    async with running(definition, settings(tmp_path)) as service:
        result = await service.invoke("f", b'{"key": [1]}')
    seen = json.loads(result.payload)
    environment = seen["environment"]
    assert result.function_error is None
    assert seen["event"] == {"key": [1]}
    assert seen["request_id"] == result.request_id
    assert 20_000 < seen["remaining_ms"] <= 30_000
    assert (seen["arn"], seen["memory"], seen["name"], seen["version"]) == (ARN, "256", "f", "$LATEST")
    assert seen["log_group"] == "/aws/lambda/f"
    assert environment["OWN"] == "value"
    assert environment["_HANDLER"] == "task_functions.echo"
    assert environment["LAMBDA_TASK_ROOT"] == str(TASK) == seen["cwd"]
    assert environment["TZ"] == ":UTC"
    assert environment["AWS_REGION"] == "eu-central-1"
    assert environment["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert "PYTEST_CURRENT_TEST" not in environment, "only what is named is inherited"


async def test_boto3_invokes_and_gets_the_result(tmp_path):
    """lambda.invoke RequestResponse by name and ARN: payload, version, log tail; DryRun is 204; unknown is not found."""
    async with running(function(), settings(tmp_path)) as service, invoke_api(service) as client:
        for name in ("f", ARN, "f:$LATEST"):
            answer = await asyncio.to_thread(client.invoke, FunctionName=name, Payload=b'{"a": 1}', LogType="Tail")
            assert json.loads(answer["Payload"].read())["event"] == {"a": 1}
            assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
            assert b"said by the function" in base64.b64decode(answer["LogResult"])
        dry = await asyncio.to_thread(client.invoke, FunctionName="f", InvocationType="DryRun")
        assert dry["StatusCode"] == 204
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            await asyncio.to_thread(client.invoke, FunctionName="unknown")
        with pytest.raises(client.exceptions.InvalidRequestContentException):
            await asyncio.to_thread(client.invoke, FunctionName="f", Payload=b"not json")


async def test_raised_exception_is_the_unhandled_error_of_the_invocation(tmp_path):
    """FunctionError is Unhandled; errorType, errorMessage and stackTrace are the function's; the process goes on."""
    definition = function("task_functions.obey", environment={"RECORD": str(tmp_path / "r")})
    async with running(definition, settings(tmp_path)) as service, invoke_api(service) as client:
        pids = service.processes()
        answer = await asyncio.to_thread(client.invoke, FunctionName="f", Payload=b'{"raise": "no good"}')
        error = json.loads(answer["Payload"].read())
        assert answer["FunctionError"] == "Unhandled"
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no good")
        assert error["stackTrace"]
        assert (await service.invoke("f", b"1")).payload == b"1"
        assert service.processes() == pids
        state = service.state().functions[0]
        assert (state.invocations, state.errors, state.sandboxes[0].restarts) == (2, 1, 0)
        assert state.last_duration_ms is not None


async def test_function_is_killed_at_its_timeout(tmp_path):
    """Task timed out after 0.50 seconds; its process is killed, the next invocation meets a new one."""
    definition = function("task_functions.obey", timeout_seconds=0.5, environment={"RECORD": str(tmp_path / "r")})
    async with running(definition, settings(tmp_path)) as service:
        pid = service.processes()["f.1"]
        result = await service.invoke("f", b'{"sleep": 60}')
        assert result.function_error == "Unhandled"
        error = json.loads(result.payload)
        assert error["errorType"] == "Sandbox.Timedout"
        assert error["errorMessage"].endswith("Task timed out after 0.50 seconds")
        await eventually(lambda: not psutil.pid_exists(pid))
        assert (await service.invoke("f", b"2")).payload == b"2"
        assert service.processes()["f.1"] != pid
        assert service.state().functions[0].timeouts == 1


async def test_sandbox_killed_while_it_works_fails_its_invocation(tmp_path):
    """kill -9 of the process: Runtime.ExitError, and another one, under the same name, takes its place."""
    record = tmp_path / "r"
    definition = function("task_functions.obey", timeout_seconds=60, environment={"RECORD": str(record)})
    async with running(definition, settings(tmp_path)) as service:
        pid = service.processes()["f.1"]
        invocation = asyncio.create_task(service.invoke("f", b'{"sleep": 60}'))
        await eventually(record.exists)
        os.kill(pid, signal.SIGKILL)
        result = await invocation
        assert json.loads(result.payload)["errorType"] == "Runtime.ExitError"
        assert "signal: 9" in json.loads(result.payload)["errorMessage"]
        assert (await service.invoke("f", b"3")).payload == b"3"
        assert service.processes()["f.1"] != pid


async def test_function_that_exits_fails_its_invocation(tmp_path):
    """os._exit in the handler: Runtime exited with error: exit status 7."""
    definition = function("task_functions.obey", environment={"RECORD": str(tmp_path / "r")})
    async with running(definition, settings(tmp_path)) as service:
        result = await service.invoke("f", b'{"exit": 7}')
        assert "exit status 7" in json.loads(result.payload)["errorMessage"]
        assert (await service.invoke("f", b"4")).payload == b"4"


async def test_init_error_is_reported_and_tried_again_with_back_off(tmp_path):
    """A module that can't be imported fails invocations with its own error; once mended, the next start works."""
    fixed = tmp_path / "fixed"
    definition = function("broken_import.handler", environment={"FIXED": str(fixed)})
    async with running(definition, settings(tmp_path), ready=False) as service:
        result = await service.invoke("f", b"{}")
        assert result.function_error == "Unhandled"
        assert json.loads(result.payload)["errorMessage"] == "broken on import"

        def sandbox():
            return service.state().functions[0].sandboxes[0]

        await eventually(lambda: sandbox().restarts >= 2 and sandbox().state == "backing-off")
        assert "broken on import" in sandbox().last_error
        fixed.touch()
        await service.wait_ready(30)
        assert (await service.invoke("f", b"{}")).payload == b'"works now"'


async def test_missing_handler_is_an_init_error(tmp_path):
    """Runtime.HandlerNotFound and Runtime.ImportModuleError come from the real runtime."""
    for handler, error_type in (
        ("task_functions.nothing", "Runtime.HandlerNotFound"),
        ("no_such_module.handler", "Runtime.ImportModuleError"),
    ):
        async with running(function(handler), settings(tmp_path / error_type), ready=False) as service:
            result = await service.invoke("f", b"{}")
            assert json.loads(result.payload)["errorType"] == error_type


async def test_request_over_six_megabytes_is_refused(tmp_path):
    """6 MB (6,291,456 bytes) pass, one more is RequestTooLargeException; an asynchronous one may have 1 MB."""
    limit = 6_291_456
    definition = function("task_functions.obey", timeout_seconds=30)
    async with running(definition, settings(tmp_path)) as service, invoke_api(service) as client:
        largest = b'"' + b"x" * (limit - 2) + b'"'
        assert (await service.invoke("f", largest)).payload == largest
        with pytest.raises(RequestTooLargeError):
            await service.invoke("f", largest + b" ")
        with pytest.raises(client.exceptions.RequestTooLargeException):
            await asyncio.to_thread(client.invoke, FunctionName="f", Payload=largest + b" ")
        with pytest.raises(client.exceptions.RequestTooLargeException):
            await asyncio.to_thread(
                client.invoke, FunctionName="f", InvocationType="Event", Payload=b'"' + b"x" * 1_048_576 + b'"'
            )


async def test_response_over_six_megabytes_is_an_error(tmp_path):
    """Function.ResponseSizeTooLarge; a response of just 6 MB passes; the function goes on."""
    definition = function(
        "task_functions.obey", timeout_seconds=30, environment={"RECORD": str(tmp_path / "r")}, processes=1
    )
    async with running(definition, settings(tmp_path)) as service:
        fits = await service.invoke("f", b'{"size": 6291000}')
        assert (fits.function_error, len(fits.payload)) == (None, 6_291_002)
        result = await service.invoke("f", b'{"size": 6292000}')
        assert result.function_error == "Unhandled"
        assert json.loads(result.payload)["errorType"] == "Function.ResponseSizeTooLarge"
        assert (await service.invoke("f", b"5")).payload == b"5"


async def test_reserved_concurrency_throttles(tmp_path):
    """More at a time than reserved is TooManyRequestsException (429); 0 stops the function altogether."""
    record = tmp_path / "r"
    environment = {"RECORD": str(record)}
    definitions = Definitions(
        (
            function("task_functions.obey", reserved_concurrency=1, timeout_seconds=30, environment=environment),
            function(name="off", reserved_concurrency=0),
        )
    )
    async with running(definitions, settings(tmp_path)) as service, invoke_api(service) as client:
        first = asyncio.create_task(service.invoke("f", b'{"sleep": 1}'))
        await eventually(record.exists)
        with pytest.raises(client.exceptions.TooManyRequestsException):
            await asyncio.to_thread(client.invoke, FunctionName="f", Payload=b"{}")
        assert (await first).function_error is None
        assert (await service.invoke("f", b"1")).payload == b"1"
        with pytest.raises(TooManyRequestsError):
            await service.invoke("off", b"{}")
        assert service.state().functions[0].throttles == 1


async def test_invocations_run_side_by_side_in_their_own_processes(tmp_path):
    """Two processes take two invocations at a time, the third waits; each process has one at a time."""
    record = tmp_path / "r"
    definition = function("task_functions.obey", processes=2, timeout_seconds=30, environment={"RECORD": str(record)})
    async with running(definition, settings(tmp_path)) as service:
        await all_idle(service)
        assert set(service.processes()) == {"f.1", "f.2"}
        calls = [asyncio.create_task(service.invoke("f", b'{"sleep": 0.5}')) for _ in range(3)]
        await eventually(lambda: service.state().functions[0].waiting == 1)
        results = await asyncio.gather(*calls)
        assert len({result.sandbox for result in results[:2]}) == 2
        pids = [json.loads(line)["pid"] for line in record.read_text().splitlines()]
        assert set(pids) == set(service.processes().values())


async def test_asynchronous_invocation_is_retried_twice(tmp_path):
    """InvocationType Event answers 202 at once; a failing function is tried three times in all, then given up."""
    record = tmp_path / "r"
    definition = function("task_functions.obey", environment={"RECORD": str(record)})
    async with running(definition, settings(tmp_path)) as service, invoke_api(service) as client:
        answer = await asyncio.to_thread(
            client.invoke, FunctionName="f", InvocationType="Event", Payload=b'{"raise": "always"}'
        )
        assert answer["StatusCode"] == 202
        await eventually(lambda: record.exists() and len(record.read_text().splitlines()) == 3)
        await eventually(lambda: not service._store.asynchronous())
        assert len(record.read_text().splitlines()) == 3


async def test_asynchronous_invocation_survives_a_restart(tmp_path):
    """What was accepted is invoked after the service is started again."""
    record = tmp_path / "r"
    broken = function("no_such_module.handler")
    whole = function("task_functions.keep_event", environment={"RECORD": str(record)})
    slow = settings(tmp_path, asynchronous_retry_seconds=(0.1, 600))
    async with running(broken, slow, ready=False) as service:
        service.invoke_asynchronously("f", b'{"kept": true}')
    async with running(whole, slow):
        await eventually(record.exists)
    assert json.loads(record.read_text())["event"] == {"kept": True}


async def test_stop_lets_an_asynchronous_invocation_finish(tmp_path):
    """What is under way when the service stops ends within its grace and is not invoked again afterwards."""
    record = tmp_path / "r"
    definition = function("task_functions.obey", environment={"RECORD": str(record)}, timeout_seconds=20)
    patient = settings(tmp_path, stop_grace_seconds=20)
    async with running(definition, patient) as service:
        service.invoke_asynchronously("f", b'{"sleep": 0.3}')
        await eventually(record.exists)
    async with running(definition, patient) as service:
        assert service._store.asynchronous() == []
    assert len(record.read_text().splitlines()) == 1


async def test_stop_leaves_no_process_behind(tmp_path):
    """After stop() no runtime process lives, nor what one of them had started."""
    definition = function("task_functions.with_child", processes=2)
    async with running(definition, settings(tmp_path)) as service:
        child = json.loads((await service.invoke("f", b"{}")).payload)["child"]
        pids = [*service.processes().values(), child]
        assert all(map(psutil.pid_exists, pids))
    await eventually(lambda: not any(map(_is_alive, pids)))


async def test_killed_service_takes_its_processes_along(tmp_path):
    """kill -9 of the service's process: the kernel ends the runtime processes (Linux)."""
    service, state = _start_alone(tmp_path, {"functions": [{"name": "f", "handler": "task_functions.echo"}]})
    try:
        processes = await eventually(lambda: len(_processes(state)) == 2 and _processes(state))
        service.kill()
        service.wait()
        await eventually(lambda: not any(map(_is_alive, processes.values())))
    finally:
        service.kill()


async def test_service_alone_stops_cleanly_on_sigterm(tmp_path):
    """`python -m local.lambda_service` ends with status 0 on SIGTERM, its processes before it."""
    service, state = _start_alone(tmp_path, {"functions": [{"name": "f", "handler": "task_functions.echo"}]})
    try:
        processes = await eventually(lambda: len(_processes(state)) == 2 and _processes(state))
        service.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(service.wait, 20) == 0
        assert not any(map(_is_alive, processes.values()))
    finally:
        service.kill()


async def test_each_sandbox_has_its_log_file(tmp_path):
    """What a function prints is in `<function>.<n>.log`, between START, END and REPORT lines."""
    async with running(function(), settings(tmp_path)) as service:
        result = await service.invoke("f", b"{}")
    log = (tmp_path / "logs" / "f.1.log").read_text()
    order = [
        log.index(text) for text in (f"START RequestId: {result.request_id}", "said by", "END RequestId", "REPORT")
    ]
    assert order == sorted(order)


async def test_runtime_api_answers_in_one_write_with_nagle_off(monkeypatch):
    """Else an invocation waits for a delayed acknowledgement: 40 to 90 ms instead of 2."""
    writes = []
    write = asyncio.StreamWriter.write

    def watched(writer, data):
        connection = writer.get_extra_info("socket")
        writes.append((connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), data))
        write(writer, data)

    async def answer(request):
        return HttpResponse(200, request.body * 1000, {})

    monkeypatch.setattr(asyncio.StreamWriter, "write", watched)
    server = await serve(answer)
    host, port = server.sockets[0].getsockname()
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(f"http://{host}:{port}/", content=b"body")
    server.close()
    ((nodelay, data),) = writes
    assert nodelay
    assert response.content == b"body" * 1000
    assert data.endswith(response.content)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: FunctionDefinition("bad name", "m.h"), "name"),
        (lambda: FunctionDefinition("f", "handler"), "handler"),
        (lambda: FunctionDefinition("f", "m.h", timeout_seconds=901), "timeout_seconds"),
        (lambda: FunctionDefinition("f", "m.h", {"AWS_LAMBDA_RUNTIME_API": "x"}), "AWS_LAMBDA_RUNTIME_API"),
        (lambda: EventSourceMapping("f", "q", batch_size=11), "batch_size"),
        (lambda: EventSourceMapping("f", "q", batch_size=10_001, maximum_batching_window_seconds=1), "batch_size"),
        (lambda: EventSourceMapping("f", "q.fifo", maximum_batching_window_seconds=1), "FIFO"),
        (lambda: EventSourceMapping("f", "q", maximum_concurrency=1), "maximum_concurrency"),
        (lambda: EventSourceMapping("f", "q", maximum_concurrency=1001), "maximum_concurrency"),
        (lambda: Schedule("s", "every minute", "f"), "schedule s"),
        (lambda: Definitions((), (EventSourceMapping("f", "q"),)), "there is no function f"),
    ],
)
def test_definition_that_lambda_would_refuse_is_refused(make, named):
    """Limits of the API are checked when a definition is made; the error names the field."""
    with pytest.raises(DefinitionError, match=named):
        make()


async def test_unknown_function_cannot_be_invoked(tmp_path):
    """ResourceNotFoundException naming the ARN."""
    async with running(function(), settings(tmp_path), ready=False) as service:
        with pytest.raises(InvokeError, match="Function not found: arn:aws:lambda"):
            await service.invoke("g", b"{}")


def _start_alone(directory, definitions):
    file = directory / "definitions.json"
    file.write_text(json.dumps(definitions))
    command = [sys.executable, "-m", "local.lambda_service", "--definitions", str(file), "--data", str(directory)]
    command += ["--sqs", "http://127.0.0.1:9", "--port", str(free_port()), "--task-root", str(TASK)]
    return subprocess.Popen(command, cwd=ROOT), directory / "state.json"


def _processes(state):
    return json.loads(state.read_text())["processes"] if state.exists() else {}


def _is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
