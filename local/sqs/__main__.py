"""`python -m local.sqs --port N --data DIR`: the queues alone, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

import uvicorn

from local.sqs.app import SqsApp, create_sqs_app
from local.sqs.limits import SenderId


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.sqs", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="directory of the queues' database")
    parser.add_argument("--region", default="eu-central-1")
    parser.add_argument("--account", default="000000000000")
    parser.add_argument(
        "--sender",
        action="append",
        default=[],
        metavar="ACCESS_KEY_ID=SENDER_ID",
        help="who an access key id is; may be repeated (default: test=AIDALOCALDEVELOPER)",
    )
    arguments = parser.parse_args()
    pairs = [sender.partition("=") for sender in arguments.sender or ["test=AIDALOCALDEVELOPER"]]
    if not all(key and sender_id for key, _, sender_id in pairs):
        parser.error("--sender wants ACCESS_KEY_ID=SENDER_ID")
    try:
        app = create_sqs_app(
            arguments.data,
            region=arguments.region,
            account_id=arguments.account,
            base_url=f"http://127.0.0.1:{arguments.port}",
            sender_ids={key: SenderId(sender_id) for key, _, sender_id in pairs},
        )
    except sqlite3.OperationalError as error:
        sys.exit(f"local.sqs: can't open the queues in {arguments.data}: {error} (does another process use them?)")
    asyncio.run(_serve(app, arguments.port))


async def _serve(app: SqsApp, port: int) -> None:
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", lifespan="on", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        app.end_long_polls()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop_signal, stop)
    # Not serve(): that would put its own signal handlers in place of ours, which end the long polls first.
    await server._serve()  # noqa: SLF001


if __name__ == "__main__":
    main()
