"""SQS's JSON protocol as a plain ASGI app: runs alone under uvicorn, or mounted in another process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.sqs import move_tasks
from local.sqs.errors import (
    INTERNAL_FAILURE,
    INVALID_CLIENT_TOKEN,
    MISSING_AUTHENTICATION,
    REQUEST_TOO_LARGE,
    SERIALIZATION,
    UNKNOWN_OPERATION,
    SqsError,
)
from local.sqs.expiry import forget_old
from local.sqs.limits import REQUEST_BYTES, Limits, SenderId
from local.sqs.long_polling import ClientGoneError, receive_message
from local.sqs.operations import OPERATIONS
from local.sqs.parameters import Parameters
from local.sqs.query_protocol import refuse_query_protocol
from local.sqs.store import Store, epoch_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from local.sqs.parameters import JsonObject

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)
CREDENTIAL = re.compile(rb"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/")
HOUSEKEEPING_SECONDS = 60


class SqsApp:
    """The ASGI app. Its database is open, and closed to other processes, from construction to `aclose()`."""

    def __init__(self, store: Store, sender_ids: Mapping[str, SenderId]) -> None:
        self.store = store
        self._sender_ids = sender_ids
        self._background: set[asyncio.Task[None]] = set()
        self._is_started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        assert scope["type"] == "http", "SQS speaks HTTP only"
        self.start()
        try:
            status, headers, body = await self._respond(scope, receive)
        except ClientGoneError:
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def start(self) -> None:
        """Takes up housekeeping and unfinished move tasks; the first request does it if nobody else has."""
        if not self._is_started:
            self._is_started = True
            self._spawn(self._keep_house())
            self._spawn(self._resume_move_tasks())

    def end_long_polls(self) -> None:
        """Lets every waiting receive answer at once, so that a server can stop without waiting for them."""
        self.store.waiters.close()

    async def aclose(self) -> None:
        """Finishes what is being committed and closes the database."""
        self.end_long_polls()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.store.commits.close()

    async def _respond(self, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        request_id = str(uuid.uuid4())
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
            return refuse_query_protocol(request_id)
        code = None
        try:
            status, answer = 200, await self._answer(headers, receive)
        except SqsError as error:
            status, code = error.kind.status, error.kind.query_code
            answer = {"__type": error.kind.type_name, "message": error.message}
        except ClientGoneError:
            raise
        except Exception:
            log.exception("request %s failed", request_id)
            status, code = INTERNAL_FAILURE.status, INTERNAL_FAILURE.query_code
            message = "We encountered an internal error. Please try again."
            answer = {"__type": INTERNAL_FAILURE.type_name, "message": message}
        body = json.dumps(answer).encode()
        response_headers = [
            (b"content-type", b"application/x-amz-json-1.0"),
            (b"content-length", str(len(body)).encode()),
            (b"x-amzn-requestid", request_id.encode()),
        ]
        if code is not None:
            fault = "Receiver" if status >= 500 else "Sender"
            response_headers.append((b"x-amzn-query-error", f"{code};{fault}".encode()))
        return status, response_headers, body

    async def _answer(self, headers: dict[bytes, bytes], receive: Receive) -> JsonObject:
        body = await _read_body(receive)
        sender = self._sender(headers)
        service, _, name = headers.get(b"x-amz-target", b"").decode("latin-1").partition(".")
        operation = OPERATIONS.get(name)
        if service != "AmazonSQS" or (operation is None and name != "ReceiveMessage"):
            raise SqsError(UNKNOWN_OPERATION, "The X-Amz-Target header names no operation that is supported here.")
        try:
            members = json.loads(body or b"{}")
        except ValueError:
            members = None
        if not isinstance(members, dict):
            raise SqsError(SERIALIZATION, "The request's body is not a JSON object.")
        parameters = Parameters(members)
        if operation is None:
            return await receive_message(self.store, parameters, lambda: _until_disconnect(receive))
        answer = await self.store.commits.submit(lambda: operation(self.store, parameters, sender))
        if name == "StartMessageMoveTask":
            self._spawn(self._move(answer["TaskHandle"]))
        return answer

    def _sender(self, headers: dict[bytes, bytes]) -> SenderId:
        """Who signed. The secret is not checked here, as the whole stack listens to this machine only."""
        match = CREDENTIAL.match(headers.get(b"authorization", b""))
        if match is None:
            raise SqsError(MISSING_AUTHENTICATION, "Request is missing Authentication Token")
        sender = self._sender_ids.get(match[1].decode("latin-1"))
        if sender is None:
            raise SqsError(INVALID_CLIENT_TOKEN, "The security token included in the request is invalid.")
        return sender

    async def _move(self, handle: str) -> None:
        while True:
            pause_seconds = await self.store.commits.submit(lambda: move_tasks.step(self.store, handle))
            if pause_seconds is None:
                return
            await asyncio.sleep(pause_seconds)

    async def _resume_move_tasks(self) -> None:
        for handle in await self.store.commits.submit(lambda: move_tasks.running_tasks(self.store)):
            self._spawn(self._move(handle))

    async def _keep_house(self) -> None:
        while True:
            await self.store.commits.submit(lambda: forget_old(self.store, epoch_ms()))
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


def create_sqs_app(
    data_dir: Path | str,
    *,
    region: str,
    account_id: str,
    base_url: str,
    sender_ids: Mapping[str, SenderId],
    limits: Limits | None = None,
) -> SqsApp:
    """Opens the queues kept in data_dir.

    `base_url` begins the queue URLs given out; `sender_ids` says who each access key id is, and is asked at each
    request, so that a mapping may grow.
    Raises: sqlite3.OperationalError when another process has that directory's queues open.
    """
    chosen = limits or Limits()
    store = Store(Path(data_dir), region=region, account_id=account_id, base_url=base_url, limits=chosen)
    return SqsApp(store, sender_ids)


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > REQUEST_BYTES:
            raise SqsError(REQUEST_TOO_LARGE, f"The request is larger than {REQUEST_BYTES} bytes.")
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


async def _until_disconnect(receive: Receive) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass
