"""One query on a thread of its own, its result on the way to the client, the client watched meanwhile."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import signal
import tempfile
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from local.clickhouse.compression import decoded, encoder
from local.clickhouse.engine import Progress, Query
from local.clickhouse.errors import ClickHouseError
from local.clickhouse.statement import output_format, parse_insert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ThreadPoolExecutor

    from starlette.types import Message, Receive, Send

    from local.clickhouse.engine import Engine
    from local.clickhouse.sessions import Sessions

MAX_STATEMENT_BYTES = 16 << 20
_HEAD_BYTES = 256 << 10  # ClickHouse's max_query_size: an INSERT's own text ends within it
_STREAM_AFTER_BYTES = 1 << 20
_MEMORY_RESULT_BYTES = 4 << 20
_CHUNK = 1 << 20
_CONTENT_TYPES = {
    "JSON": "application/json",
    "CSV": "text/csv",
    "Tab": "text/tab-separated-values",
    "TSV": "text/tab-separated-values",
}

_ABORTED = 236

_log = logging.getLogger(__name__)


class ClientLeftError(Exception):
    """Nobody waits for the answer."""


@dataclass(frozen=True)
class ExternalTable:
    """Data sent along with a query, seen by it alone as a temporary table."""

    name: str
    structure: str
    format: str
    data: IO[bytes]


@dataclass(frozen=True)
class Call:
    """One HTTP request, read and checked. `query.sql` is what the URL or form says; the body follows it."""

    query: Query
    body: IO[bytes]
    body_encoding: str
    default_format: str
    session_id: str
    session_timeout: float
    wait_end_of_query: bool
    response_encoding: str | None
    external: list[ExternalTable] = field(default_factory=list)


class Exchange:
    """Runs the call and answers it."""

    def __init__(self, engine: Engine, sessions: Sessions, call: Call, headers: dict[str, str]) -> None:
        self._engine, self._sessions, self._call, self._headers = engine, sessions, call, headers
        self._progress = Progress()
        self._queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(1)
        self._loop = asyncio.get_running_loop()
        self._exception_tag = secrets.token_hex(8)
        self._client_left = False

    async def run(self, threads: ThreadPoolExecutor, receive: Receive, send: Send) -> None:
        work = self._loop.run_in_executor(threads, self._work)
        watch = asyncio.create_task(self._watch(receive))
        try:
            await self._answer(send)
        finally:
            watch.cancel()
        await work

    async def _answer(self, send: Send) -> None:
        kind, value = await self._queue.get()
        if kind == "error":
            await respond_error(send, value, self._headers | self._summary())
        elif kind == "complete":
            with value as file:
                headers = self._headers | self._summary() | {"Content-Length": str(file.seek(0, 2))}
                file.seek(0)
                await send(_start(200, headers))
                while piece := file.read(_CHUNK):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        elif kind == "data":
            tag = {"X-ClickHouse-Exception-Tag": self._exception_tag}
            await send(_start(200, self._headers | self._summary() | tag))
            while True:
                await send({"type": "http.response.body", "body": value, "more_body": kind != "end"})
                if kind in {"end", "broken"}:
                    # Broken: no last chunk. The connection ends as ClickHouse ends it, and no client takes it as whole.
                    return
                kind, value = await self._queue.get()

    def _summary(self) -> dict[str, str]:
        return {"X-ClickHouse-Summary": json.dumps(self._progress.summary(), separators=(",", ":"))}

    async def _watch(self, receive: Receive) -> None:
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()
        self._client_left = True
        wish = self._call.query.settings.get("cancel_http_readonly_queries_on_client_close", "0")
        if wish not in {"0", "", "false"}:
            await asyncio.to_thread(self._engine.cancel, self._call.query.query_id)

    # From here on: in the query's thread.

    def _put(self, kind: str, value: object = None) -> None:
        asyncio.run_coroutine_threadsafe(self._queue.put((kind, value)), self._loop).result()

    def _work(self) -> None:
        encoding = self._call.response_encoding
        if encoding:
            self._headers["Content-Encoding"] = encoding
        result = encoder(encoding)
        file: IO[bytes] = tempfile.SpooledTemporaryFile(_MEMORY_RESULT_BYTES)  # noqa: SIM115 - the answer closes it
        is_streaming, held = False, 0
        try:
            for piece in self._pieces():
                if self._client_left:
                    raise ClientLeftError  # noqa: TRY301 - the thread's one way out
                data = result.encode(piece)
                if is_streaming:
                    for start in range(0, len(data), _CHUNK):  # the engine waits: one piece at a time is held
                        self._put("data", data[start : start + _CHUNK])
                    continue
                file.write(data)
                held += len(piece)
                if held > _STREAM_AFTER_BYTES and not self._call.wait_end_of_query:
                    file.seek(0)
                    self._put("data", file.read())
                    is_streaming = True
            if is_streaming:
                self._put("end", result.finish())
            else:
                file.write(result.finish())
                self._put("complete", file)
        except ClientLeftError:
            self._put("end", b"")
        except Exception as error:  # noqa: BLE001 - the thread's edge: every failure is answered
            if not isinstance(error, ClickHouseError):
                _log.exception("query %s failed outside of the engine", self._call.query.query_id)
                error = ClickHouseError.from_engine(error, self._engine.version)
            if is_streaming:
                self._put("broken", result.encode(self._exception_block(error)) + result.finish())
            else:
                self._headers.pop("Content-Encoding", None)
                self._put("error", error)
            if error.code == _ABORTED:
                _log.critical("the engine aborted: this process ends")
                os.kill(os.getpid(), signal.SIGTERM)

    def _exception_block(self, error: ClickHouseError) -> bytes:
        """As ClickHouse writes it since 25.11 (WriteBufferFromHTTPServerResponse.cpp)."""
        tag, text = self._exception_tag.encode(), error.text.encode() + b"\n"
        return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (tag, text, len(text), tag)

    def _pieces(self) -> Iterator[bytes]:
        call = self._call
        body = decoded(call.body, call.body_encoding)
        prefix = call.query.sql.encode()
        head = prefix + b"\n" if prefix else b""
        body_start = b""
        try:
            while len(body_start) < _HEAD_BYTES and (piece := next(body, b"")):
                body_start += piece
            if prefix and not body_start:
                head = prefix
            head += body_start
            insert = parse_insert(head, call.default_format or "Values")
            if insert is None:
                for piece in body:
                    head += piece
                    if len(head) > MAX_STATEMENT_BYTES:
                        raise ClickHouseError(
                            62, f"Query is larger than {MAX_STATEMENT_BYTES} bytes", "QUERY_IS_TOO_LARGE"
                        )
        except ValueError as error:
            raise self._bad_body(error) from None
        sql = head.decode("utf-8", "replace") if insert is None else insert.sql
        if not sql.strip():
            raise ClickHouseError(62, "Empty query", "SYNTAX_ERROR", self._engine.version)
        query = replace(call.query, sql=sql)
        with self._sessions.connection(query, call.session_id, call.session_timeout) as connection:
            for table in call.external:
                self._load_external(connection, table)
            if insert is not None:
                rest = self._checked(chain([head[insert.data_offset :]], body))
                self._engine.insert(connection, sql, insert.format, rest, self._progress)
                return
            form = output_format(sql) or call.default_format or "TabSeparated"
            self._headers["X-ClickHouse-Format"] = form
            kind = next((kind for start, kind in _CONTENT_TYPES.items() if form.startswith(start)), None)
            self._headers["Content-Type"] = f"{kind}; charset=UTF-8" if kind else "application/octet-stream"
            yield from self._engine.run(connection, query, form, self._progress)

    def _load_external(self, connection: Any, table: ExternalTable) -> None:
        name = f"`{table.name.replace('`', '``')}`"
        create = Query(f"CREATE TEMPORARY TABLE {name} ({table.structure})", self._call.query.query_id)
        for _ in self._engine.run(connection, create, "Null", Progress()):
            pass
        self._engine.insert(connection, f"INSERT INTO {name}", table.format, decoded(table.data, ""), Progress())

    def _checked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from pieces
        except ValueError as error:
            raise self._bad_body(error) from None

    def _bad_body(self, error: ValueError) -> ClickHouseError:
        return ClickHouseError(354, f"Cannot decompress: {error}", "ZLIB_INFLATE_FAILED", self._engine.version)


async def respond(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    plain = {"Content-Type": "text/plain; charset=UTF-8", "Content-Length": str(len(body))}
    await send(_start(status, headers | plain))
    await send({"type": "http.response.body", "body": body})


async def respond_error(send: Send, error: ClickHouseError, headers: dict[str, str]) -> None:
    code = {"X-ClickHouse-Exception-Code": str(error.code)}
    await respond(send, error.status, headers | code, error.text.encode() + b"\n")


def _start(status: int, headers: dict[str, str]) -> Message:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}
