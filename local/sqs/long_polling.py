"""ReceiveMessage with WaitTimeSeconds: looks, waits to be woken, looks again."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from local.sqs.receiving import look, parse_receive
from local.sqs.store import epoch_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from local.sqs.parameters import JsonObject, Parameters
    from local.sqs.store import Store


class ClientGoneError(Exception):
    """The one who polled has hung up: a message taken for him now would only be hidden from the others."""


async def receive_message(
    store: Store, parameters: Parameters, disconnected: Callable[[], Awaitable[None]]
) -> JsonObject:
    """Raises: SqsError; ClientGoneError when `disconnected` returns during the wait."""
    request = parse_receive(parameters)
    loop = asyncio.get_running_loop()
    started = loop.time()
    hang_up: asyncio.Task[None] | None = None
    try:
        while True:
            found = await store.commits.submit(lambda: look(store, request))
            left = started + found.wait_seconds - loop.time()
            if found.messages or left <= 0 or store.waiters.is_closed:
                return {"Messages": found.messages} if found.messages else {}
            if found.next_ms is not None:
                left = min(left, max(0.001, (found.next_ms - epoch_ms()) / 1000))
            if hang_up is None:
                hang_up = asyncio.ensure_future(_until(disconnected))
            waiting = asyncio.ensure_future(store.waiters.wait(found.queue_id, found.version, left))
            await asyncio.wait({hang_up, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if hang_up.done():
                waiting.cancel()
                raise ClientGoneError
    finally:
        if hang_up is not None:
            hang_up.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hang_up


async def _until(disconnected: Callable[[], Awaitable[None]]) -> None:
    await disconnected()
