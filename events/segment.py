"""A sealed segment: one cut of the durable log = one SQS message = one Parquet object = one ClickHouse insert token."""

from __future__ import annotations

import binascii
import json
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

MAX_EVENTS = 5_000
MAX_ENCODED_BYTES = 700 * 1024  # SQS takes 1 MiB
SEGMENT_VERSION = 1
ENCODING = "zlib+base64"
_RUN_KEYS = {"producer", "first", "last", "previous_hash", "head_hash"}
_ZLIB_LEVEL = 6
_MAX_INFLATED_BYTES = 64 * 1024 * 1024  # what a hostile message may make us hold


class MalformedSegmentError(ValueError):
    """The message is not a segment of this contract."""


MalformedSegment = MalformedSegmentError


class SegmentTooLargeError(ValueError):
    """More than MAX_EVENTS or MAX_ENCODED_BYTES: cut it smaller."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive events of one producer. Hashes are hex: before the first, and of the last."""

    producer: str
    first: int
    last: int
    previous_hash: str
    head_hash: str

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def to_dict(self) -> dict[str, str | int]:
        return {
            "producer": self.producer,
            "first": self.first,
            "last": self.last,
            "previous_hash": self.previous_hash,
            "head_hash": self.head_hash,
        }

    @classmethod
    def from_dict(cls, values: Any) -> Run:
        """Read what `to_dict` wrote.

        Raises:
            MalformedSegmentError: other keys, types, or an empty range.
        """
        if not isinstance(values, dict) or values.keys() != _RUN_KEYS:
            raise MalformedSegmentError("a run has other keys than the contract's")
        run = cls(**values)
        if not all(isinstance(text, str) for text in (run.producer, run.previous_hash, run.head_hash)):
            raise MalformedSegmentError("a run's producer or hash is not text")
        if type(run.first) is not int or type(run.last) is not int or not 1 <= run.first <= run.last:
            raise MalformedSegmentError("a run's numbers are not a range")
        return run


@dataclass(frozen=True, slots=True)
class Segment:
    """`lines` are `SealedEvent.line`s: the events of `runs`, run after run, in the order of their numbers.

    `sealed_at` is `YYYY-MM-DDTHH:MM:SS.ffffffZ` and decides the lake's partition; `shard` is `stream/0` or `outbox/0`.
    """

    segment_id: str
    shard: str
    sealed_at: str
    runs: tuple[Run, ...]
    lines: tuple[str, ...]
    version: int = SEGMENT_VERSION


def encode(segment: Segment) -> str:
    """The SQS message body: a function of the segment's content alone.

    Raises:
        SegmentTooLargeError: over MAX_EVENTS, or over MAX_ENCODED_BYTES once encoded.
    """
    if len(segment.lines) > MAX_EVENTS:
        raise SegmentTooLargeError(f"{len(segment.lines)} events, at most {MAX_EVENTS}")
    events = b64encode(zlib.compress("\n".join(segment.lines).encode(), _ZLIB_LEVEL)).decode("ascii")
    body = json.dumps(
        {
            "segment_id": segment.segment_id,
            "version": segment.version,
            "shard": segment.shard,
            "sealed_at": segment.sealed_at,
            "runs": [run.to_dict() for run in segment.runs],
            "count": len(segment.lines),
            "encoding": ENCODING,
            "events": events,
        },
        separators=(",", ":"),
    )
    if len(body) > MAX_ENCODED_BYTES:  # ASCII: characters are bytes
        raise SegmentTooLargeError(f"{len(body)} bytes encoded, at most {MAX_ENCODED_BYTES}")
    return body


def decode(text: str | bytes) -> Segment:
    """Read what `encode` wrote. Counts are checked; hashes are not (`events.chain`).

    Raises:
        MalformedSegmentError: anything else than a segment, or one that inflates beyond reason.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedSegmentError("not JSON") from error
    if not isinstance(body, dict):
        raise MalformedSegmentError("not an object")
    if body.get("version") != SEGMENT_VERSION or body.get("encoding") != ENCODING:
        raise MalformedSegmentError("a version or encoding that this reader doesn't know")
    runs = body.get("runs")
    texts = {name: body.get(name) for name in ("segment_id", "shard", "sealed_at", "events")}
    if not isinstance(runs, list) or not all(isinstance(value, str) for value in texts.values()):
        raise MalformedSegmentError("segment_id, shard, sealed_at, runs or events is missing or of the wrong type")
    segment = Segment(
        segment_id=str(texts["segment_id"]),
        shard=str(texts["shard"]),
        sealed_at=str(texts["sealed_at"]),
        runs=tuple(Run.from_dict(run) for run in runs),
        lines=_inflate(str(texts["events"])),
    )
    if not body.get("count") == len(segment.lines) == sum(run.count for run in segment.runs):
        raise MalformedSegmentError("count, runs and events disagree")
    return segment


def _inflate(encoded: str) -> tuple[str, ...]:
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(b64decode(encoded, validate=True), _MAX_INFLATED_BYTES)
        if not inflater.eof:
            raise MalformedSegmentError("events are cut off or inflate beyond reason")
        return tuple(data.decode().split("\n")) if data else ()
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise MalformedSegmentError("events can't be decoded") from error
