"""The hint that makes a change reach token cores faster than their poll. Lost, it costs at most the poll's interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.clock import monotonic_seconds
from shared.database.authority import Change, publish_hints

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

_TIMEOUT_SECONDS = 0.2
_PAUSE_SECONDS = 10.0  # after a failure: a Redis that is down must not cost every command its timeout


class RedisHint:
    """Publishes on one connection, made at the first hint."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._client: Any = None
        self._paused_until = 0.0

    def __call__(self, user_ids: Sequence[UUID]) -> None:
        """Best effort: never raises."""
        if not user_ids or monotonic_seconds() < self._paused_until:
            return
        publish_hints(self, [Change("user", str(user_id)) for user_id in user_ids])

    def publish(self, channel: str, message: str) -> Any:
        try:
            if self._client is None:
                import redis  # noqa: PLC0415 - a third of a second that a cold start need not wait for

                # any node of a cluster passes a (non-sharded) message on to all
                self._client = redis.Redis.from_url(
                    self._url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
                )
            return self._client.publish(channel, message)
        except Exception:
            self._paused_until = monotonic_seconds() + _PAUSE_SECONDS
            raise
