"""What the admin API asks of Redis: to pass hints on, and how old the oldest event is that the relay hasn't sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.audit_stream import epoch_key, stream_key
from shared.clock import monotonic_seconds
from shared.database.authority import publish_hints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.database.authority import Change

_TIMEOUT_SECONDS = 0.5
_PAUSE_SECONDS = 10.0  # after a failure: a Redis that is down must not cost every change its timeout


class RedisLink:
    """One connection, made at its first use."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._client: Any = None
        self._paused_until = 0.0

    def hint(self, changes: Iterable[Change]) -> None:
        """Best effort: never raises. Lost, it costs at most the poll's interval."""
        changes = tuple(changes)
        if changes and monotonic_seconds() >= self._paused_until:
            publish_hints(self, changes)

    def publish(self, channel: str, message: str) -> Any:
        try:
            return self._connected().publish(channel, message)
        except Exception:
            self._paused_until = monotonic_seconds() + _PAUSE_SECONDS
            raise

    def epoch(self, shard: int) -> str | None:
        """What tells this Redis from one that was flushed. Raises redis.RedisError."""
        found = self._connected().get(epoch_key(shard))
        return None if found is None else found.decode()

    def first_after(self, shard: int, cursor: str) -> int | None:
        """When the oldest entry after `cursor` was appended, in milliseconds; None: there is none.

        Raises:
            redis.RedisError: Redis can't be asked.
        """
        entries = self._connected().xrange(stream_key(shard), min=f"({cursor}", count=1)
        return int(entries[0][0].split(b"-")[0]) if entries else None

    def _connected(self) -> Any:
        if self._client is None:
            from redis.cluster import RedisCluster  # noqa: PLC0415 - a third of a second that a cold start saves

            self._client = RedisCluster.from_url(
                self._url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
            )
        return self._client
