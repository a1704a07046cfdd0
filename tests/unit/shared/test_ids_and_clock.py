from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from shared import ids
from shared.clock import monotonic_seconds, rfc3339, unix_now, utc_now
from shared.ids import made_at, new_id, new_id_text, new_request_id


def test_an_id_is_a_uuid7_that_tells_when_it_was_made() -> None:
    before = utc_now() - timedelta(milliseconds=1)
    identifier = new_id()
    assert identifier.version == 7 and identifier.variant == "specified in RFC 4122"
    assert before <= made_at(identifier) <= utc_now() + timedelta(seconds=1)


def test_an_id_as_text_is_a_uuid_in_its_usual_form() -> None:
    texts = [new_id_text() for _ in range(500)]
    read = [UUID(text) for text in texts]
    assert [str(one) for one in read] == texts == sorted(texts)
    assert {(one.version, one.variant) for one in read} == {(7, "specified in RFC 4122")}
    assert {text[19] for text in texts} == set("89ab")


def test_ids_sort_by_their_making() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made) and len(set(made)) == 1000


def test_many_ids_stay_in_the_time_of_their_making() -> None:
    for _ in range(20_000):
        last = new_id()
    assert made_at(last) <= utc_now() + timedelta(milliseconds=1)


def test_ids_sort_also_while_the_clock_stands_or_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last", 0)
    made = []
    for now in (2_000_000_000, 2_000_000_000, 1_000_000_000, 3_000_000_000):
        monkeypatch.setattr(ids, "unix_nanoseconds", lambda now=now: now)
        made += [new_id() for _ in range(300)]
    assert made == sorted(made) and len(set(made)) == 1200


def test_threads_and_forked_children_never_draw_the_same_randomness() -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: new_request_id(), range(5000)))
    assert len(set(drawn)) == 5000 and all(len(one) == 32 for one in drawn)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "".join(new_request_id() for _ in range(300)).encode())
        os._exit(0)
    mine = {new_request_id() for _ in range(300)}
    os.close(writing)
    with os.fdopen(reading) as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert len(theirs) == 300 * 32 and mine.isdisjoint(theirs[at : at + 32] for at in range(0, len(theirs), 32))


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-5))])
def test_a_time_is_written_in_utc_with_microseconds(zone: timezone) -> None:
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC).astimezone(zone)) == "2026-01-02T03:04:05.000006Z"


def test_the_clocks_agree() -> None:
    assert abs(unix_now() - utc_now().timestamp()) < 2
    assert monotonic_seconds() <= monotonic_seconds()
