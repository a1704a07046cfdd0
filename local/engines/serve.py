"""An ASGI application as a foreground process: one uvicorn worker on 127.0.0.1 until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from local.engines.process import die_with_parent
from local.engines.unread_body import UnreadBodies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType


def serve(
    app: Any,
    port: int,
    *,
    with_parent: bool = False,
    tls: tuple[Path, Path] | None = None,
    on_stop: Callable[[], None] | None = None,
) -> None:
    """Serve until asked to stop; open requests get five seconds.

    Args:
        tls: paths of the certificate and its key (PEM); without them it is plain http.
        on_stop: called in the event loop as soon as a stop is asked for, to end what waits.

    Raises:
        SystemExit: the port is taken; the message names it.
    """
    if with_parent:
        die_with_parent(signal.SIGTERM)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    uvicorn_log = logging.getLogger("uvicorn.error")
    uvicorn_log.setLevel(logging.WARNING)
    # A response broken off in mid-stream is how ClickHouse reports a late error: no fault of the application.
    uvicorn_log.addFilter(lambda record: "without completing response" not in record.getMessage())
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        sys.exit(f"port {port} of 127.0.0.1 is not to be had: {error.strerror}")
    config = uvicorn.Config(
        UnreadBodies(app),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=str(tls[0]) if tls else None,
        ssl_keyfile=str(tls[1]) if tls else None,
    )
    # uvicorn raises the signal that stopped it once more when it is done: that is the end of it, with status 0.
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, _stopped)
    with suppress(_StoppedBySignalError):
        _Server(config, on_stop).run([listener])


class _StoppedBySignalError(BaseException):
    pass


def _stopped(_signal: int, _frame: FrameType | None) -> None:
    raise _StoppedBySignalError


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._on_stop is not None:
            asyncio.get_running_loop().call_soon_threadsafe(self._on_stop)
