"""Decoding column by column keeps every text as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from events.envelope import SEALED_COLUMNS
from events.segment import MalformedSegmentError
from functions.fan_out_audit.columns import COMMENTS, FROM_PAYLOAD, LAKE, REPETITIVE
from functions.fan_out_audit.segment_table import segment_table
from tests.fixtures.sealed import a_segment, an_event

ODD = 'é 💧 \\" \\\\ \\n \\u0000 \u2028 /'


def test_texts_are_kept_verbatim_whatever_they_hold():
    events = [an_event(0, payload='{"note":"' + ODD + '"}', subject=ODD, actor="", request_id=None, personal="AA")]
    (row,) = segment_table(a_segment(events)).to_pylist()
    for name in ("payload", "subject", "actor", "request_id", "personal", "event_id"):
        assert row[name] == getattr(events[0], name)


def test_columns_are_the_envelope_then_the_segment_then_the_convenience():
    table = segment_table(a_segment(2))
    assert table.schema == LAKE
    assert tuple(LAKE.names) == (*SEALED_COLUMNS, "segment_id", "sealed_at", *FROM_PAYLOAD.names)
    assert set(COMMENTS) == set(LAKE.names)
    assert set(REPETITIVE) < set(LAKE.names)


@pytest.mark.parametrize(
    "line",
    ["", "{}", "null", '{"event_id":"a"}', '{"surplus":1}', "{", '{"event_id":"a"}{"event_id":"b"}'],
)
def test_a_line_that_is_no_event_refuses_the_segment(line):
    segment = a_segment(2)
    with pytest.raises(MalformedSegmentError):
        segment_table(replace(segment, lines=(segment.lines[0], line)))


def test_an_instant_that_is_none_refuses_the_segment():
    with pytest.raises(MalformedSegmentError):
        segment_table(a_segment([an_event(occurred_at="noon")]))
