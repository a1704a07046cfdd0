"""A sealed segment as an Arrow table: decoded column by column, no Python object per event."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from events.segment import MalformedSegmentError
from functions.fan_out_audit.columns import ENVELOPE, FROM_PAYLOAD, INSTANT, LAKE

if TYPE_CHECKING:
    from events.segment import Segment

_ENVELOPE_TEXT = ENVELOPE.set(ENVELOPE.get_field_index("occurred_at"), pa.field("occurred_at", pa.string()))
_OPTIONAL = {"request_id", "client_id", "session_id", "subject_key_id", "personal"}


def sealed_at(segment: Segment) -> datetime:
    """When it was sealed.

    Raises:
        MalformedSegmentError: no time, or one without its zone.
    """
    try:
        instant = datetime.fromisoformat(segment.sealed_at)
    except ValueError as error:
        raise MalformedSegmentError("sealed_at is no time") from error
    if instant.tzinfo is None:
        raise MalformedSegmentError("sealed_at has no zone")
    return instant


def segment_table(segment: Segment) -> Any:
    """The segment's events in their order, with the columns `LAKE`.

    Raises:
        MalformedSegmentError: a line is not an event of the contract.
    """
    envelope = _read(segment.lines, _ENVELOPE_TEXT, unexpected="error")
    rows = envelope.num_rows
    if rows != len(segment.lines):
        raise MalformedSegmentError("a line is not one event")
    for name in ENVELOPE.names:
        if name not in _OPTIONAL and envelope[name].null_count:
            raise MalformedSegmentError(f"an event lacks {name}")
    columns = [envelope[name] for name in ENVELOPE.names]
    columns[ENVELOPE.get_field_index("occurred_at")] = _instants(envelope["occurred_at"])
    columns += [pa.repeat(segment.segment_id, rows), pa.repeat(pa.scalar(sealed_at(segment), INSTANT), rows)]
    columns += _from_payload(envelope["payload"]).columns
    return pa.table(columns, schema=LAKE).combine_chunks()


def _read(lines: Any, schema: pa.Schema, unexpected: str) -> Any:
    data = "\n".join(lines).encode()
    try:
        return pyarrow.json.read_json(
            pa.BufferReader(data),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
        )
    except pa.ArrowException as error:
        raise MalformedSegmentError("a line doesn't fit the envelope") from error


def _instants(texts: Any) -> Any:
    try:
        return pc.cast(texts, INSTANT)
    except pa.ArrowException as error:
        raise MalformedSegmentError("occurred_at is no time") from error


def _from_payload(payloads: Any) -> Any:
    texts = payloads.to_pylist()
    try:
        table = _read(texts, FROM_PAYLOAD, unexpected="ignore")
        if table.num_rows == len(texts):
            return table.select(FROM_PAYLOAD.names)
    except MalformedSegmentError:
        pass  # one payload with another type in such a field, or a line break: the slow way takes them one by one
    return pa.table([[_field(text, name) for text in texts] for name in FROM_PAYLOAD.names], schema=FROM_PAYLOAD)


def _field(text: str, name: str) -> str | None:
    try:
        value = json.loads(text)[name]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return value if isinstance(value, str) else None
