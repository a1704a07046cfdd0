"""chdb in one process: a connection for each query, settings that end with it, streaming in and out, cancelling.

A chdb connection costs less than a millisecond and keeps its settings, its database and its temporary tables to itself;
queries on different connections run in parallel. One process owns the data directory.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as url_quote

import chdb
from chdb import _chdb

from local.clickhouse.errors import ClickHouseError
from local.clickhouse.statement import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_READ_ONLY: Any = vars(_chdb)["query_class"].READ_ONLY
# chdb writes each streamed piece as a document of its own: only formats whose documents can be joined may stream.
_STREAMED = frozenset(
    """Native RowBinary TabSeparated TSV TabSeparatedRaw TSVRaw CSV JSONEachRow JSONLines NDJSON JSONStringsEachRow
    JSONCompactEachRow JSONCompactStringsEachRow ArrowStream Null""".split()  # noqa: SIM905
)
_ARROW_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_NOT_STREAMABLE = "Streaming query is not supported"
_KILL_BY_QUERY_ID = re.compile(r"(?i)(?<=\bWHERE)\s+query_id\s*=\s*(?='(?:[^'\\]|\\.)*')")
_SAFE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass
class Progress:
    """What X-ClickHouse-Summary reports. `elapsed_ns` in nanoseconds."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0

    def summary(self) -> dict[str, str]:
        names = ("read_rows", "read_bytes", "written_rows", "written_bytes")
        found = {name: str(getattr(self, name)) for name in names} | {"total_rows_to_read": "0"}
        return found | {name: str(getattr(self, name)) for name in ("result_rows", "result_bytes", "elapsed_ns")}


@dataclass(frozen=True)
class Query:
    """One statement with all that holds for it alone."""

    sql: str
    query_id: str
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_readonly: bool = False


class Engine:
    """The engine over one data directory.

    Args:
        data_dir: made where it is missing.
        memory_limit_bytes: the engine refuses queries (code 241) rather than grow beyond it.
    """

    def __init__(self, data_dir: Path, memory_limit_bytes: int = 1_500_000_000) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        options = {
            "max_server_memory_usage": memory_limit_bytes,
            "background_pool_size": 2,
            "background_schedule_pool_size": 2,
            "max_thread_pool_size": 200,
            "mark_cache_size": 64 << 20,
        }
        query = "&".join(f"{name}={value}" for name, value in options.items())
        self._path = str(data_dir)
        self._keeper = chdb.connect(f"{url_quote(self._path)}?{query}")
        self.version = self.scalar("SELECT version()")
        self.timezone = self.scalar("SELECT timezone()")

    def scalar(self, sql: str) -> str:
        text: str = self._keeper.query(sql, "TSVRaw").bytes().decode().rstrip("\n")
        return text

    def close(self) -> None:
        self._keeper.close()

    def connect(self) -> Any:
        """A connection of one's own, to close after use."""
        return chdb.connect(url_quote(self._path))

    def cancel(self, query_id: str) -> None:
        """Ask the engine to stop the query; it fails with code 394."""
        with closing(self.connect()) as connection:
            connection.query(f"KILL QUERY WHERE Settings['log_comment'] = {quote(query_id)} ASYNC")

    def apply(self, connection: Any, query: Query) -> None:
        """Set what holds for this query: database, settings, parameters; the query id as `log_comment`, to find it by.

        Raises:
            ClickHouseError: an unknown setting or database, a value that does not fit, a GET that changes something.
        """
        if query.is_readonly and self._changes_data(connection, query.sql):
            message = "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
            message += "You should use method POST for modifying queries."
            raise ClickHouseError(164, message, "READONLY", self.version)
        changes = {"log_comment": query.query_id, **query.settings}
        changes |= {f"param_{name}": value for name, value in query.parameters.items()}
        for name in changes:
            if not _SAFE_NAME.fullmatch(name):
                raise ClickHouseError(115, f"Unknown setting {name!r}", "UNKNOWN_SETTING", self.version)
        try:
            if query.database:
                connection.query(f"USE `{query.database.replace('`', '``')}`")
            connection.query("SET " + ", ".join(f"{name} = {quote(value)}" for name, value in changes.items()))
        except RuntimeError as error:
            raise ClickHouseError.from_engine(error, self.version) from None

    def run(self, connection: Any, query: Query, output: str, progress: Progress) -> Iterator[bytes]:
        """The result in pieces, in the output format (the one in the query wins). Errors come at any piece.

        Raises:
            ClickHouseError: whatever the engine says.
        """
        sql = query.sql
        if sql.lstrip()[:4].upper() == "KILL":  # the engine gives query ids of its own
            sql = _KILL_BY_QUERY_ID.sub(" Settings['log_comment'] = ", sql)
        raw = connection._conn  # noqa: SLF001 - its wrapper drops the header of an empty result
        try:
            if output not in _STREAMED:
                yield self._account(connection.query(sql, output), progress)
                return
            try:
                stream = raw.send_query(sql, output, params={})
            except RuntimeError as error:
                if _NOT_STREAMABLE not in str(error):
                    raise
                yield self._account(connection.query(sql, output), progress)
                return
            pieces = self._fetch(raw, stream, progress)
            try:
                yield from joined_arrow_stream(pieces) if output == "ArrowStream" else pieces
            except GeneratorExit:
                raw.streaming_cancel_query(stream)
                raise
        except RuntimeError as error:
            raise ClickHouseError.from_engine(error, self.version) from None

    def insert(self, connection: Any, sql: str, data_format: str, pieces: Iterable[bytes], progress: Progress) -> None:
        """Feed the pieces to an INSERT; what fails in between inserts no block more.

        Raises:
            ClickHouseError: whatever the engine says.
        """
        try:
            inserter = connection.send_insert(sql, data_format)
            try:
                for piece in pieces:
                    if piece:
                        inserter.append(piece)
                result = inserter.finish()
            except BaseException:
                inserter.cancel()
                raise
        except RuntimeError as error:
            raise ClickHouseError.from_engine(error, self.version) from None
        progress.written_rows += result.rows_written
        progress.written_bytes += result.bytes_written
        progress.elapsed_ns += int(result.elapsed * 1e9)

    def _fetch(self, raw: Any, stream: Any, progress: Progress) -> Iterator[bytes]:
        while (piece := raw.streaming_fetch_result(stream)) is not None:
            data = self._account(piece, progress)
            if not data and piece.rows_read() == 0:
                return
            yield data

    @staticmethod
    def _changes_data(connection: Any, sql: str) -> bool:
        try:
            found: bool = connection._conn.classify_query(sql)["query_class"] != _READ_ONLY  # noqa: SLF001
        except RuntimeError:
            return False  # it will fail by itself, with a better message
        return found

    @staticmethod
    def _account(piece: Any, progress: Progress) -> bytes:
        data: bytes = piece.bytes()
        progress.result_rows += piece.rows_read()
        progress.result_bytes += len(data)
        progress.read_rows = max(progress.read_rows, piece.storage_rows_read())
        progress.read_bytes = max(progress.read_bytes, piece.storage_bytes_read())
        progress.written_rows = max(progress.written_rows, piece.rows_written())
        progress.written_bytes = max(progress.written_bytes, piece.bytes_written())
        progress.elapsed_ns = max(progress.elapsed_ns, int(piece.elapsed() * 1e9))
        return data


def joined_arrow_stream(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """One Arrow IPC stream out of several with the same schema: the schema message once, the end marker once.

    https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format

    Raises:
        RuntimeError: a piece is not a whole stream.
    """
    is_first = True
    for piece in pieces:
        if not (piece.startswith(_ARROW_END[:4]) and piece.endswith(_ARROW_END)):
            raise RuntimeError("the engine gave something else than an Arrow stream")
        schema_length = 8 + int.from_bytes(piece[4:8], "little")
        yield piece[: -len(_ARROW_END)] if is_first else piece[schema_length : -len(_ARROW_END)]
        is_first = False
    if not is_first:
        yield _ARROW_END
