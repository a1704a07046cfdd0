"""The audit stream in Redis: read, put aside, trim. Every key of a shard is in one hash slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.backoff import ExponentialBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from shared.audit_stream import epoch_key, stream_key
from shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

BEGINNING = "0-0"
ENTRIES_PER_READ = 500
BYTES_PER_READ = 8 * 1024 * 1024
REJECTED_KEPT = 10_000

RawEntry = tuple[str, dict[bytes, bytes]]


def connector(url: str) -> Callable[[], RedisCluster]:
    """A function that gives the one client, made at its first use, so that the relay starts without Redis."""
    clients: list[RedisCluster] = []

    def connect() -> RedisCluster:
        if not clients:
            client = RedisCluster.from_url(
                url,
                socket_timeout=5,
                socket_connect_timeout=2,
                retry=Retry(ExponentialBackoff(base=0.05, cap=0.2), 2),
            )
            clients.append(client)
        return clients[0]

    return connect


class AuditStream:
    """One shard's stream. Every method may raise redis.RedisError."""

    def __init__(self, connect: Callable[[], RedisCluster], shard: int) -> None:
        self._connect = connect
        self._stream = stream_key(shard)
        self._epoch = epoch_key(shard)
        self._rejected = f"audit:{{{shard}}}:rejected"

    def epoch(self) -> str:
        """What tells this Redis from one that was flushed or replaced; made here where it is missing."""
        redis = self._connect()
        epoch = redis.get(self._epoch)
        if epoch is None:
            redis.set(self._epoch, str(new_id()), nx=True)
            epoch = redis.get(self._epoch)
        if not isinstance(epoch, bytes):
            raise TypeError("the stream's epoch is no text")
        return epoch.decode()

    def read(self, cursor: str, wanted_events: int) -> tuple[list[RawEntry], bool]:
        """Entries after the cursor, with about as many events as wanted, and whether there may be more."""
        redis = self._connect()
        entries: list[RawEntry] = []
        events = size = 0
        after = cursor
        while events < wanted_events and size < BYTES_PER_READ:
            batch: Any = redis.xrange(self._stream, min=f"({after}", count=ENTRIES_PER_READ)
            for raw_id, fields in batch:
                after = raw_id.decode()
                entries.append((after, fields))
                count = fields.get(b"n", b"1")
                events += int(count) if count.isdigit() else 1
                size += len(fields.get(b"d", b""))
            if len(batch) < ENTRIES_PER_READ:
                return entries, False
        return entries, True

    def put_aside(self, entry: RawEntry) -> None:
        """Keep what can't be sealed where people can look at it."""
        entry_id, fields = entry
        self._connect().xadd(self._rejected, {**fields, b"entry_id": entry_id}, maxlen=REJECTED_KEPT)  # type: ignore[dict-item]

    def trim(self, oldest_kept: str) -> None:
        self._connect().xtrim(self._stream, minid=oldest_kept, approximate=False)

    def waiting(self, cursor: str) -> tuple[int, float | None]:
        """Entries that the stream holds, and the Unix time of the oldest after the cursor, if there is one."""
        redis = self._connect()
        first: Any = redis.xrange(self._stream, min=f"({cursor}", count=1)
        length: Any = redis.xlen(self._stream)
        return length, int(first[0][0].split(b"-")[0]) / 1000 if first else None


def successor(entry_id: str) -> str:
    milliseconds, sequence = entry_id.split("-")
    return f"{milliseconds}-{int(sequence) + 1}"
