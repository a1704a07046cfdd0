"""ClickHouse's HTTP interface over the embedded engine, as an ASGI application.

What unmodified clients find as on a server: /ping; queries by GET (readonly) and POST, in the `query` parameter, the
body, or a form; every format; `param_x`; settings for one query; database; sessions; users; compressed bodies both
ways; summary, format, timezone and query id headers; errors with code and status, and in mid-stream as an exception
block whose tag the X-ClickHouse-Exception-Tag header announced, after which the connection breaks; parallel queries. A
readonly query ends when its client leaves (`cancel_http_readonly_queries_on_client_close`), any query by
`KILL QUERY WHERE query_id = '...'`.

What chdb lacks, and therefore this does too: users other than those configured here (no CREATE USER, grants, roles,
quotas, row policies; `currentUser()` is always `default`), Keeper and all that replicates (ReplicatedMergeTree,
ON CLUSTER, Distributed over shards), system log tables (query_log), the native TCP protocol, `client_protocol_version`
(blocks come in revision 0), and the `compress=1`/`decompress=1` block format, which is refused by name. Progress
headers are not sent.

Limits: a request's body is kept in memory up to 4 MiB and in a temporary file beyond, at most 4 GiB; a statement
without insert data has at most 16 MiB; 32 queries run at once, further ones wait. A result streams beyond 1 MiB in the
formats that chdb can stream (Native, ArrowStream, RowBinary, TSV, CSV, JSONEachRow and their like); in any other
(Parquet, Arrow, JSON, those with names) it is held whole, within the engine's memory limit.
Streaming holds a few blocks (max_block_size rows each).

When the engine aborts by itself (code 236), the process ends, to be started again by its supervisor.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from starlette.datastructures import Headers, QueryParams, UploadFile
from starlette.requests import Request

from local.clickhouse.compression import choose_encoding
from local.clickhouse.engine import Engine, Query
from local.clickhouse.errors import ClickHouseError
from local.clickhouse.exchange import (
    MAX_STATEMENT_BYTES,
    Call,
    ClientLeftError,
    Exchange,
    ExternalTable,
    respond,
    respond_error,
)
from local.clickhouse.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

_MEMORY_BODY_BYTES = 4 << 20
_MAX_BODY_BYTES = 4 << 30
_CONCURRENT_QUERIES = 32
_NOT_SETTINGS = frozenset(
    """user password quota_key query_id session_id session_timeout session_check database default_format query compress
    decompress stacktrace buffer_size wait_end_of_query role close_session client_protocol_version""".split()  # noqa: SIM905
)
_EXTERNAL_SUFFIXES = ("_structure", "_format", "_types")


class ClickHouseGateway:
    """The ASGI application. It owns the engine: one of them for a data directory.

    Args:
        users: user name -> password. An unknown user or a wrong password gets error 516.
    """

    def __init__(self, data_dir: Path, users: Mapping[str, str], *, memory_limit_bytes: int = 1_500_000_000) -> None:
        self._engine = Engine(data_dir, memory_limit_bytes)
        self._sessions = Sessions(self._engine)
        self._compresses = self._engine.scalar("SELECT getSetting('enable_http_compression')")
        self._users = dict(users)
        self._threads = ThreadPoolExecutor(_CONCURRENT_QUERIES, thread_name_prefix="query")

    def close(self) -> None:
        """Take no more queries. The engine needs no closing: what was acknowledged is in its parts."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self.close)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        parameters = QueryParams(scope["query_string"])
        if path in {"/ping", "/replicas_status"} or (path == "/" and method == "GET" and "query" not in parameters):
            await respond(send, 200, {}, b"Ok.\n")
            return
        if path not in {"/", "/query"} or method not in {"GET", "POST", "HEAD"}:
            text = f"There is no handle {path}\nUse / or /ping for health checks.\nOr /replicas_status.\n"
            await respond(send, 404, {}, text.encode())
            return
        query_id = parameters.get("query_id") or str(uuid.uuid4())
        headers = {
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Server-Display-Name": "localhost",
            "X-ClickHouse-Timezone": self._engine.timezone,
        }
        with tempfile.SpooledTemporaryFile(_MEMORY_BODY_BYTES) as body:
            try:
                call = await self._read(Request(scope, receive), parameters, query_id, body)
            except ClickHouseError as error:
                await respond_error(send, error, headers)
                return
            except ClientLeftError:
                return
            exchange = Exchange(self._engine, self._sessions, call, headers)
            await exchange.run(self._threads, receive, send)

    async def _read(self, request: Request, parameters: QueryParams, query_id: str, body: IO[bytes]) -> Call:
        headers = request.headers
        self._authenticate(headers, parameters)
        for name in ("compress", "decompress"):
            if parameters.get(name, "0") not in {"0", ""}:
                raise self._error(48, f"{name}=1: use HTTP compression instead.", "NOT_IMPLEMENTED")
        values = dict(parameters.items())
        external: list[ExternalTable] = []
        if headers.get("content-type", "").startswith("multipart/form-data"):
            external = await self._read_form(request, values)
        else:
            await self._read_body(request, body)
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in {"", "identity", "gzip", "deflate", "zstd", "lz4"}:
            raise self._error(48, f"Unknown compression method: {encoding}", "NOT_IMPLEMENTED")
        ignored = {f"{table.name}{suffix}" for table in external for suffix in _EXTERNAL_SUFFIXES} | _NOT_SETTINGS
        accepts = parameters.get("enable_http_compression", self._compresses) not in {"0", "", "false"}
        return Call(
            query=Query(
                sql=values.get("query", ""),
                query_id=query_id,
                database=parameters.get("database") or headers.get("x-clickhouse-database", ""),
                settings={k: v for k, v in values.items() if k not in ignored and not k.startswith("param_")},
                parameters={k[len("param_") :]: v for k, v in values.items() if k.startswith("param_")},
                is_readonly=request.method != "POST",
            ),
            body=body,
            body_encoding=encoding,
            default_format=parameters.get("default_format") or headers.get("x-clickhouse-format", ""),
            session_id=parameters.get("session_id", ""),
            session_timeout=min(float(parameters.get("session_timeout") or 60), 3600.0),
            wait_end_of_query=parameters.get("wait_end_of_query", "0") not in {"0", ""},
            response_encoding=choose_encoding(headers.get("accept-encoding", "")) if accepts else None,
            external=external,
        )

    def _authenticate(self, headers: Headers, parameters: QueryParams) -> None:
        user, password = parameters.get("user", "default"), parameters.get("password", "")
        if "x-clickhouse-user" in headers:
            user, password = headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
        elif headers.get("authorization", "").lower().startswith("basic "):
            with suppress(binascii.Error, UnicodeDecodeError):
                user, _, password = base64.b64decode(headers["authorization"][6:]).decode().partition(":")
        expected = self._users.get(user)
        # Compared in any case, so that unknown users take as long as known ones.
        is_right = secrets.compare_digest((expected or "").encode(), password.encode())
        if expected is None or not is_right:
            message = f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
            raise self._error(516, message, "AUTHENTICATION_FAILED")

    async def _read_body(self, request: Request, body: IO[bytes]) -> None:
        size = 0
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            piece = message.get("body", b"")
            size += len(piece)
            if size > _MAX_BODY_BYTES:
                raise self._error(298, f"Request body exceeds {_MAX_BODY_BYTES} bytes", "QUERY_IS_TOO_LARGE")
            if size > _MEMORY_BODY_BYTES:
                await asyncio.to_thread(body.write, piece)
            else:
                body.write(piece)
            if not message.get("more_body"):
                break
        body.seek(0)

    async def _read_form(self, request: Request, values: dict[str, str]) -> list[ExternalTable]:
        """Fields join the URL's parameters; a file is an external table (name_structure or name_types, name_format)."""
        external: list[ExternalTable] = []
        form = await request.form(max_part_size=MAX_STATEMENT_BYTES)
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                structure = values.get(f"{name}_structure", "")
                if not structure:
                    types = values.get(f"{name}_types", "").split(",")
                    structure = ", ".join(f"_{n} {kind}" for n, kind in enumerate(types, 1))
                data_format = values.get(f"{name}_format", "TabSeparated")
                external.append(ExternalTable(name, structure, data_format, value.file))
            else:
                values[name] = value
        return external

    def _error(self, code: int, message: str, name: str) -> ClickHouseError:
        return ClickHouseError(code, message, name, self._engine.version)
