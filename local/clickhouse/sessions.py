"""HTTP sessions (`session_id`): temporary tables and SET that outlast a request; one query at a time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.clickhouse.errors import ClickHouseError
from local.clickhouse.statement import changes_session, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.clickhouse.engine import Engine, Query


@dataclass
class _Session:
    connection: Any = None  # made by the first statement that leaves something behind: most sessions never do
    lock: threading.Lock = field(default_factory=threading.Lock)
    expires: float = 0.0


class Sessions:
    """The sessions of one engine, each kept for its `session_timeout` seconds after its last query."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def connection(self, query: Query, session_id: str, timeout_seconds: float = 60.0) -> Iterator[Any]:
        """A connection with all that the query asks for applied, and the session's own state beneath it.

        Raises:
            ClickHouseError: another query of the session runs (373), or a setting is refused.
        """
        session = self._acquire(session_id) if session_id else _Session()
        try:
            if session_id and session.connection is None and changes_session(query.sql):
                session.connection = self._engine.connect()
            connection = session.connection or self._engine.connect()
            try:
                restore = self._restoring(connection, query) if session.connection else ""
                self._engine.apply(connection, query)
                yield connection
            finally:
                if session.connection is None:
                    connection.close()
                elif restore and not changes_session(query.sql):
                    connection.query(restore)
        finally:
            if session_id:
                session.expires = time.monotonic() + timeout_seconds
                session.lock.release()

    def close(self) -> None:
        with self._lock:
            for session in self._sessions.values():
                if session.connection is not None:
                    session.connection.close()
            self._sessions.clear()

    def _acquire(self, session_id: str) -> _Session:
        with self._lock:
            now = time.monotonic()
            for name, session in list(self._sessions.items()):
                if session.expires < now and session.lock.acquire(blocking=False):
                    if session.connection is not None:
                        session.connection.close()
                    del self._sessions[name]
            session = self._sessions.setdefault(session_id, _Session(expires=now + 60))
            if not session.lock.acquire(blocking=False):
                message = f"Session {session_id} is locked by a concurrent client."
                raise ClickHouseError(373, message, "SESSION_IS_LOCKED", self._engine.version)
            return session

    @staticmethod
    def _restoring(connection: Any, query: Query) -> str:
        """The SET that gives the session back what this query's own settings cover."""
        names = {"log_comment", *query.settings}
        listed = ", ".join(quote(name) for name in names)
        rows = connection.query(
            f"SELECT name, if(changed, value, ''), changed FROM system.settings WHERE name IN ({listed})",  # noqa: S608
            "TSV",
        )
        changes = []
        for line in rows.bytes().decode().splitlines():
            name, value, changed = line.split("\t")
            changes.append(f"{name} = '{value}'" if changed == "1" else f"{name} = DEFAULT")
        return "SET " + ", ".join(changes) if changes else ""
