"""One connection of its own to the stream's node, so that what happened to an append is known exactly.

redis-py's cluster client repeats commands by itself and tells a refused connection like a lost answer; ADR 1 needs the
difference: the first may go to the outbox, the second may not.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from shared.audit_stream import Appended, append_command, stream_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio.cluster import RedisCluster

    from events.envelope import SealedEvent


class NotAppended(Exception):
    """Nothing was written, for certain: no connection, or Redis answered with an error."""


class OutcomeUnknown(Exception):
    """The command went out and no answer came back."""


class StreamLane:
    """Appends to one shard, one at a time.

    Args:
        cluster: tells which node has the shard; may be reconnecting.
    """

    def __init__(self, url: str, cluster: RedisCluster, shard: int, *, answer_seconds: float = 0.5) -> None:
        self.shard = shard
        self._cluster, self._answer_seconds = cluster, answer_seconds
        self._options: dict[str, Any] = dict(parse_url(url))
        self._class: type[Connection] = self._options.pop("connection_class", Connection)
        self._connection: Connection | SSLConnection | None = None

    async def append(self, batch: Sequence[SealedEvent]) -> Appended:
        """Append a batch, or find it there.

        Raises:
            NotAppended, OutcomeUnknown
        """
        return Appended(_text(await self._ask(*append_command(self.shard, batch, secrets.token_hex(16)))))

    async def ping(self) -> None:
        """Raises: NotAppended, OutcomeUnknown."""
        await self._ask("PING")

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _ask(self, *command: str | int) -> Any:
        try:
            async with asyncio.timeout(self._answer_seconds):
                if self._connection is None or _is_closed(self._connection):
                    await self.close()
                    self._connection = await self._connect()
                connection = self._connection
        except (RedisError, OSError, TimeoutError) as error:
            await self.close()
            raise NotAppended from error
        try:
            async with asyncio.timeout(self._answer_seconds):
                await connection.send_command(*command)
                return await connection.read_response()
        except ResponseError as error:  # MOVED, CLUSTERDOWN, OOM, MISCONF, NOPERM: refused before anything was written
            await self._look_again()
            raise NotAppended from error
        except (RedisError, OSError, TimeoutError) as error:
            await self.close()
            raise OutcomeUnknown from error
        except asyncio.CancelledError:
            await self.close()  # an answer may still be under way: it must not be read as the next command's
            raise

    async def _connect(self) -> Connection | SSLConnection:
        host, port = self._options["host"], self._options.get("port", 6379)
        node = self._cluster.nodes_manager.slots_cache.get(self._cluster.keyslot(stream_key(self.shard)))
        if node:
            host, port = node[0].host, node[0].port
        options = {**self._options, "host": host, "port": port, "retry": Retry(NoBackoff(), 0)}
        connection = self._class(**options, socket_timeout=None, socket_connect_timeout=self._answer_seconds)
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    async def _look_again(self) -> None:
        """The shard may have moved: learn the cluster anew before the next attempt."""
        await self.close()
        try:
            async with asyncio.timeout(self._answer_seconds):
                await self._cluster.nodes_manager.initialize()
        except (RedisError, RedisClusterException, OSError, TimeoutError):
            return


def _is_closed(connection: Connection | SSLConnection) -> bool:
    """Redis hung up while nothing was asked: then nothing that is sent now can have been written."""
    reader = connection._reader  # noqa: SLF001 - redis-py tells it nowhere else without reading
    return reader is None or reader.at_eof()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
