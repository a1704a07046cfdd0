"""Codes in flight, in Redis under their hash. They may be lost: the person asks again (P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.exceptions import RedisClusterException, RedisError

from token_core.errors import TemporarilyUnavailable
from token_core.tokens.authorization_code import CODE_TTL_SECONDS, AuthorizationCode, code_hash

if TYPE_CHECKING:
    from redis.asyncio.cluster import RedisCluster


REDIS_FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)  # the second is no RedisError


class RedisCodes:
    """The `CodeStore`. A spent code stays until its time is over: Postgres, not its absence, says that it is spent."""

    def __init__(self, redis: RedisCluster) -> None:
        self._redis = redis

    async def save(self, code: str, content: AuthorizationCode) -> None:
        try:
            await self._redis.set(_key(code), content.to_json(), ex=CODE_TTL_SECONDS)
        except REDIS_FAILURES as error:
            raise TemporarilyUnavailable(detail="redis_failed") from error

    async def find(self, code: str) -> AuthorizationCode | None:
        try:
            found = await self._redis.get(_key(code))
        except REDIS_FAILURES as error:
            raise TemporarilyUnavailable(detail="redis_failed") from error
        return None if found is None else AuthorizationCode.from_json(found)


def _key(code: str) -> str:
    return f"code:{{{code_hash(code).hex()}}}"
