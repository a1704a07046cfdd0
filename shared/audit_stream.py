"""The Redis stream half of the durable audit log (ADR 1): its keys, its entries, and the one way to append.

All keys of a shard share a hash tag, so that the append script touches one slot. Token cores write, the relay reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from events.envelope import SealedEvent

HEAD_TTL_SECONDS = 7 * 24 * 3600  # a producer silent for longer finds itself forgotten and starts a new life


class Appended(StrEnum):
    """What the script answers."""

    OK = "ok"
    ALREADY = "already"  # a repetition of what is there
    LOST = "lost"  # this Redis doesn't know the producer: it forgot, or it is another one
    GAP = "gap"  # it knows the producer, up to another number


class MalformedEntryError(ValueError):
    """A stream entry that no token core wrote."""


def stream_key(shard: int) -> str:
    return f"audit:{{{shard}}}:stream"


def head_key(shard: int, producer: str) -> str:
    """A hash of `number` and `hash` (hex): the last event that the stream has of this producer."""
    return f"audit:{{{shard}}}:producer:{producer}"


def epoch_key(shard: int) -> str:
    """A random text, made with the first append: another one means that Redis was lost in between."""
    return f"audit:{{{shard}}}:epoch"


APPEND_SCRIPT = """
local head = redis.call('HGET', KEYS[2], 'number')
local first = tonumber(ARGV[2])
local last = first + tonumber(ARGV[3]) - 1
if not head and first ~= 1 then return 'lost' end
local number = tonumber(head or 0)
if last < number then return 'already' end
if last == number then
  if redis.call('HGET', KEYS[2], 'hash') == ARGV[4] then return 'already' end
  return 'gap'
end
if first ~= number + 1 then return 'gap' end
redis.call('XADD', KEYS[1], '*', 'p', ARGV[1], 'f', ARGV[2], 'n', ARGV[3], 'd', ARGV[5])
redis.call('HSET', KEYS[2], 'number', last, 'hash', ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[7])
redis.call('SET', KEYS[3], ARGV[6], 'NX')
return 'ok'
"""
"""KEYS: stream, head, epoch. ARGV: see `append_command`.

XADD comes first: where memory or disk refuses it, nothing is written."""


def append_command(shard: int, batch: Sequence[SealedEvent], epoch_if_none: str) -> tuple[str | int, ...]:
    """The whole command for one producer's batch, numbered without gaps. Sent again unchanged, it changes nothing."""
    first, last = batch[0], batch[-1]
    return (
        "EVAL", APPEND_SCRIPT, 3,
        stream_key(shard), head_key(shard, first.producer), epoch_key(shard),
        first.producer, first.number, len(batch), last.hash, "\n".join(event.line for event in batch),
        epoch_if_none, HEAD_TTL_SECONDS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One append, as the relay reads it. `lines` are `SealedEvent` lines, verbatim."""

    entry_id: str
    producer: str
    first: int
    lines: tuple[str, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


def read_entry(entry_id: bytes | str, fields: Mapping[bytes, bytes] | Mapping[str, str]) -> StreamEntry:
    """A stream entry's fields, decoded by redis-py or not.

    Raises:
        MalformedEntryError: a field is missing, or the count is not that of the lines.
    """
    try:
        texts = {_text(name): _text(value) for name, value in fields.items()}
        lines = tuple(texts["d"].split("\n"))
        producer, first, count = texts["p"], int(texts["f"]), int(texts["n"])
    except (KeyError, ValueError) as error:
        raise MalformedEntryError("not an entry of the audit stream") from error
    if count != len(lines) or first < 1:
        raise MalformedEntryError("count and lines disagree")
    return StreamEntry(_text(entry_id), producer, first, lines)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
