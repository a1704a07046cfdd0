"""The stream's keys, its one append command, and entries read back. What the script does is proved on a real Redis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit_stream import (
    HEAD_TTL_SECONDS,
    MalformedEntryError,
    append_command,
    epoch_key,
    head_key,
    read_entry,
    stream_key,
)
from tests.fixtures.sealed import an_event, chained

PRODUCER = "stream/3/01a20048-1e00-7080-9a4c-7abc12cddc96"


def hash_tag(key: str) -> str:
    return key[key.index("{") + 1 : key.index("}")]


def test_all_keys_of_a_shard_are_in_one_cluster_slot_and_shards_in_their_own() -> None:
    assert {hash_tag(key) for key in (stream_key(3), head_key(3, PRODUCER), epoch_key(3))} == {"3"}
    assert len({stream_key(3), head_key(3, PRODUCER), epoch_key(3), stream_key(4)}) == 4


def test_the_same_batch_is_the_same_command_so_that_it_can_be_sent_again() -> None:
    batch = chained(PRODUCER, [an_event(index) for index in range(3)])
    command = append_command(3, batch, "epoch")
    assert command == append_command(3, batch, "epoch")
    assert command[2:6] == (3, stream_key(3), head_key(3, PRODUCER), epoch_key(3))
    assert command[6:10] == (PRODUCER, 1, 3, batch[-1].hash)
    assert command[-1] == HEAD_TTL_SECONDS


def test_what_a_command_appends_is_what_is_read() -> None:
    batch = chained(PRODUCER, [an_event(index, subject="\u2028 \\n \u00e9") for index in range(3)], first=7)
    _, _, _, _, _, _, producer, first, count, _, data, _, _ = append_command(3, batch, "epoch")
    fields = {"p": producer, "f": str(first), "n": str(count), "d": data}
    entry = read_entry("1-0", {name.encode(): text.encode() for name, text in fields.items()})
    assert entry == read_entry(b"1-0", fields)
    assert (entry.first, entry.last, entry.lines) == (7, 9, tuple(each.line for each in batch))


@pytest.mark.parametrize(
    "change",
    [{"n": "2"}, {"n": "x"}, {"f": "0"}, {"f": "-1"}, {"f": ""}, {"d": "a\nb"}, {"p": None}, {"d": None}],
    ids=str,
)
def test_fields_that_disagree_are_no_entry(change: dict[str, str | None]) -> None:
    fields = {"p": PRODUCER, "f": "1", "n": "1", "d": "line"} | change
    with pytest.raises(MalformedEntryError):
        read_entry("1-0", {name: text for name, text in fields.items() if text is not None})


@given(st.dictionaries(st.sampled_from([b"p", b"f", b"n", b"d", b"x"]), st.binary(max_size=20)))
def test_any_fields_are_an_entry_or_refused(fields: dict[bytes, bytes]) -> None:
    try:
        entry = read_entry("1-0", fields)
    except MalformedEntryError:
        return
    assert len(entry.lines) == int(fields[b"n"])
