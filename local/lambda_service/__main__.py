"""`python -m local.lambda_service --definitions FILE ...`: the functions alone, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

import uvicorn

from local.lambda_service.definitions import DefinitionError, Definitions, read_definitions
from local.lambda_service.http_api import LambdaApi
from local.lambda_service.service import LambdaService
from local.lambda_service.settings import LambdaSettings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.lambda_service", description=__doc__)
    parser.add_argument("--definitions", type=Path, required=True, help="JSON: functions, mappings, schedules")
    parser.add_argument("--data", type=Path, required=True, help="directory for state, logs and state.json")
    parser.add_argument("--sqs", required=True, metavar="URL", help="endpoint of the queues")
    parser.add_argument("--access-key", default="test", help="access key id of the requests to the queues")
    parser.add_argument("--port", type=int, required=True, help="where Invoke is served")
    parser.add_argument("--task-root", type=Path, default=Path.cwd(), help="directory that holds the functions' code")
    arguments = parser.parse_args()
    try:
        definitions = read_definitions(arguments.definitions)
    except (DefinitionError, OSError) as error:
        sys.exit(f"local.lambda_service: {error}")
    settings = LambdaSettings(
        state_dir=arguments.data,
        log_dir=arguments.data / "logs",
        task_root=arguments.task_root.resolve(),
        sqs_endpoint_url=arguments.sqs,
        access_key_id=arguments.access_key,
    )
    asyncio.run(_serve(definitions, settings, arguments.port))


async def _serve(definitions: Definitions, settings: LambdaSettings, port: int) -> None:
    changed = asyncio.Event()
    service = LambdaService(definitions, settings, changed.set)
    await service.start()
    writer = asyncio.create_task(_write_state(service, changed, settings.state_dir / "state.json"))
    config = uvicorn.Config(LambdaApi(service), host="127.0.0.1", port=port, log_level="warning")
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop_signal, stop)
    try:
        # Not serve(): that would put its own signal handlers in place of ours.
        await server._serve()  # noqa: SLF001
    finally:
        writer.cancel()
        await service.stop()


async def _write_state(service: LambdaService, changed: asyncio.Event, path: Path) -> None:
    """Keeps `state.json` true for those who look from outside, at most ten times a second."""
    while True:
        await changed.wait()
        changed.clear()
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({"processes": service.processes(), **service.state().as_json()}))
        partial.replace(path)
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
