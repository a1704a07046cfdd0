"""Messages for queues that wait in the endpoint's own database: sent at least once, in order, also after a kill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, MutableMapping

    from local.aws.database import Database

_BATCH = 10
_RETRY_SECONDS = 0.5
_MISSING = ("QueueDoesNotExist", "NonExistentQueue")
_log = logging.getLogger(__name__)


class SqsError(Exception):
    """SQS refused; the text is its error type."""


class SqsCalls:
    """Calls SQS's JSON protocol inside of this process."""

    def __init__(self, app: Callable[..., Awaitable[None]], access_key_id: str, base_url: str, account_id: str) -> None:
        self._app, self._key, self._url, self._account_id = app, access_key_id, base_url.rstrip("/"), account_id

    def queue_url(self, name: str) -> str:
        return f"{self._url}/{self._account_id}/{name}"

    async def call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        """Raises: SqsError."""
        body = json.dumps(members).encode()
        credential = (
            f"AWS4-HMAC-SHA256 Credential={self._key}/20000101/local/sqs/aws4_request, SignedHeaders=, Signature="
        )
        headers = [
            (b"content-type", b"application/x-amz-json-1.0"),
            (b"content-length", str(len(body)).encode()),
            (b"x-amz-target", f"AmazonSQS.{operation}".encode()),
            (b"authorization", credential.encode()),
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": headers,
        }
        status, answer = 0, b""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, answer
            status = message.get("status", status)
            answer += message.get("body", b"")

        await self._app(scope, receive, send)
        parsed: dict[str, Any] = json.loads(answer or b"{}")
        if status >= 400:
            raise SqsError(parsed.get("__type", str(status)))
        return parsed


class Outbox:
    """Sends what is in the table `outbox`, and deletes what the queue has taken."""

    def __init__(self, database: Database, sqs: SqsCalls) -> None:
        self._database, self._sqs = database, sqs
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._woken.set()  # what a killed process left
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        self._woken.set()

    async def has_queue(self, name: str) -> bool:
        try:
            await self._sqs.call("GetQueueUrl", {"QueueName": name})
        except SqsError:
            return False
        return True

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                while rows := await asyncio.to_thread(self._waiting):
                    for queue, group in groupby(rows, key=lambda row: str(row["queue"])):
                        await self._send(queue, list(group))
            except Exception:  # noqa: BLE001 - the work is in the table: try again rather than end
                _log.exception("messages wait: they will be sent again")
                await asyncio.sleep(_RETRY_SECONDS)
                self._woken.set()

    def _waiting(self) -> list[sqlite3.Row]:
        return self._database.reader.execute("SELECT * FROM outbox ORDER BY id LIMIT ?", [_BATCH]).fetchall()

    async def _send(self, queue: str, rows: list[sqlite3.Row]) -> None:
        entries = [{"Id": str(row["id"]), "MessageBody": row["body"]} for row in rows]
        members = {"QueueUrl": self._sqs.queue_url(queue), "Entries": entries}
        try:
            answer = await self._sqs.call("SendMessageBatch", members)
            failed = {entry["Id"] for entry in answer.get("Failed", []) if not entry.get("SenderFault")}
        except SqsError as error:
            if not any(missing in str(error) for missing in _MISSING):
                raise
            _log.warning("queue %s does not exist: %d messages dropped, as AWS does", queue, len(rows))
            failed = set()
        done = [(row["id"],) for row in rows if str(row["id"]) not in failed]
        await asyncio.to_thread(self._delete, done)
        if failed:
            raise SqsError(f"{len(failed)} messages not taken")

    def _delete(self, identifiers: list[tuple[int]]) -> None:
        with self._database.transaction() as db:
            db.executemany("DELETE FROM outbox WHERE id = ?", identifiers)
