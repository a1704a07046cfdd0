from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace

import pytest

from events.chain import genesis, seal
from events.envelope import Event
from events.segment import (
    MAX_ENCODED_BYTES,
    MAX_EVENTS,
    MalformedSegmentError,
    Run,
    Segment,
    SegmentTooLargeError,
    decode,
    encode,
)


def segment_of(count: int, payload: str = '{"outcome":"success"}') -> Segment:
    producer, head, lines = "stream/0/p", genesis("stream/0/p"), []
    first = head.hex()
    for number in range(1, count + 1):
        event = Event(
            f"id-{number}", "user.enabled", 1, "2026-01-01T00:00:00.000000Z", None, "s", "a", None, None, None,
            payload.replace("#", str(number)), None,
        )  # fmt: skip
        sealed = seal(head, producer, number, event)
        head = bytes.fromhex(sealed.hash)
        lines.append(sealed.line)
    runs = (Run(producer, 1, count, first, head.hex()),) if count else ()
    return Segment(
        "0190f3a4-6c1e-7b2a-9d3e-5f6071829322", "stream/0", "2026-01-01T00:00:01.000000Z", runs, tuple(lines)
    )


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_a_segment_read_back_is_the_same(count: int) -> None:
    assert decode(encode(segment_of(count))) == segment_of(count)


def test_the_encoding_is_a_function_of_the_content_alone() -> None:
    assert encode(segment_of(50)) == encode(decode(encode(segment_of(50))))


def test_a_full_segment_of_ordinary_events_fits() -> None:
    assert len(encode(segment_of(MAX_EVENTS))) < MAX_ENCODED_BYTES


def test_one_event_too_many_is_refused() -> None:
    full = segment_of(MAX_EVENTS)
    with pytest.raises(SegmentTooLargeError):
        encode(replace(full, lines=(*full.lines, full.lines[0])))


def test_what_is_too_large_once_encoded_is_refused() -> None:
    import secrets

    big = tuple(json.dumps({"x": secrets.token_hex(4096)}) for _ in range(200))
    with pytest.raises(SegmentTooLargeError):
        encode(replace(segment_of(1), lines=big))


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "null", "[" * 100_000])
def test_what_is_no_segment_is_refused(text: str) -> None:
    with pytest.raises(MalformedSegmentError):
        decode(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("encoding", "gzip"),
        ("count", 2),
        ("count", None),
        ("runs", []),
        ("runs", [{"producer": "p"}]),
        ("runs", "x"),
        ("segment_id", None),
        ("events", "!!!"),
        ("events", base64.b64encode(b"not zlib").decode()),
        ("events", base64.b64encode(zlib.compress(b"\xff\xfe")).decode()),
        ("events", base64.b64encode(zlib.compress(b"x" * 1000)[:-6]).decode()),
    ],
)
def test_a_segment_with_a_wrong_field_is_refused(field: str, value: object) -> None:
    body = json.loads(encode(segment_of(3)))
    with pytest.raises(MalformedSegmentError):
        decode(json.dumps({**body, field: value}))


@pytest.mark.parametrize(("first", "last"), [(0, 2), (3, 1), (1, 2), ("1", 3), (True, 3)])
def test_a_run_that_is_no_range_of_its_events_is_refused(first: object, last: object) -> None:
    body = json.loads(encode(segment_of(3)))
    body["runs"][0] |= {"first": first, "last": last}
    with pytest.raises(MalformedSegmentError):
        decode(json.dumps(body))


def test_a_message_that_inflates_beyond_reason_is_refused() -> None:
    bomb = base64.b64encode(zlib.compress(b"\n" * (100 * 1024 * 1024), 9)).decode()
    body = json.loads(encode(segment_of(1)))
    with pytest.raises(MalformedSegmentError, match="beyond reason"):
        decode(json.dumps({**body, "events": bomb}))
