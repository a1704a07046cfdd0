"""Token cores miss no change, in whatever order transactions commit (real Postgres)."""

from __future__ import annotations

import contextlib
import random
import threading

import psycopg
import pytest
import redis

from shared.database.authority import (
    HINT_CHANNEL,
    Change,
    first_horizon,
    note_change,
    note_change_async,
    poll_changes,
    publish_hints,
    read_hint,
)
from shared.database.steps import run, run_async


@pytest.fixture
def poller(postgres_dsn: str):
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def writers(postgres_dsn: str):
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(psycopg.connect(postgres_dsn))


def test_a_committed_change_is_seen_at_the_next_poll(poller, writers) -> None:
    horizon = run(poller, first_horizon())
    writer = writers()
    note_change(writer, "user", "u1")
    horizon, seen = run(poller, poll_changes(horizon))
    assert seen == set()
    writer.commit()
    _, seen = run(poller, poll_changes(horizon))
    assert seen == {Change("user", "u1")}


async def test_async_callers_note_and_poll_the_same(postgres_dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        horizon = await run_async(connection, first_horizon())
        await note_change_async(connection, "key", "k1")
        _, seen = await run_async(connection, poll_changes(horizon))
    assert seen == {Change("key", "k1")}


def test_commits_in_reversed_order_are_all_seen(poller, writers) -> None:
    """The later transaction commits first: a poller that went by id or time would go past the earlier one."""
    horizon = run(poller, first_horizon())
    earlier, later = writers(), writers()
    note_change(earlier, "client", "earlier")
    note_change(later, "client", "later")
    later.commit()
    horizon, seen = run(poller, poll_changes(horizon))
    assert seen == {Change("client", "later")}
    earlier.commit()
    _, seen = run(poller, poll_changes(horizon))
    assert Change("client", "earlier") in seen


def test_a_change_noted_late_in_a_long_transaction_is_seen(poller, writers) -> None:
    long, short = writers(), writers()
    long.execute("SELECT pg_current_xact_id()")
    horizon = run(poller, first_horizon())
    for name in ("a", "b", "c"):
        note_change(short, "role", name)
        short.commit()
        horizon, seen = run(poller, poll_changes(horizon))
        assert Change("role", name) in seen
    note_change(long, "role", "at last")
    long.commit()
    _, seen = run(poller, poll_changes(horizon))
    assert Change("role", "at last") in seen


def test_a_change_in_a_savepoint_belongs_to_its_transaction(poller, writers) -> None:
    horizon = run(poller, first_horizon())
    writer = writers()
    writer.execute("SELECT pg_current_xact_id()")
    with writer.transaction():
        note_change(writer, "user", "inner")
    horizon, _ = run(poller, poll_changes(horizon))
    writer.commit()
    _, seen = run(poller, poll_changes(horizon))
    assert seen == {Change("user", "inner")}


def test_a_change_that_was_rolled_back_is_never_seen(poller, writers) -> None:
    horizon = run(poller, first_horizon())
    writer = writers()
    note_change(writer, "user", "u1")
    writer.rollback()
    _, seen = run(poller, poll_changes(horizon))
    assert seen == set()


def test_the_horizon_moves_on_so_that_old_changes_are_not_read_for_ever(poller, writers) -> None:
    horizon = run(poller, first_horizon())
    writer = writers()
    note_change(writer, "user", "u1")
    writer.commit()
    horizon, seen = run(poller, poll_changes(horizon))
    horizon, _ = run(poller, poll_changes(horizon))
    horizon, seen = run(poller, poll_changes(horizon))
    assert seen == set()


def test_no_change_is_missed_under_concurrent_writers(poller, postgres_dsn: str) -> None:
    horizon = run(poller, first_horizon())
    expected = {Change("user", f"{writer}-{number}") for writer in range(6) for number in range(40)}

    def write(writer: int) -> None:
        shuffle = random.Random(writer)
        with psycopg.connect(postgres_dsn) as first, psycopg.connect(postgres_dsn) as second:
            for number in range(0, 40, 2):
                note_change(first, "user", f"{writer}-{number}")
                note_change(second, "user", f"{writer}-{number + 1}")
                for connection in shuffle.sample([first, second], 2):
                    connection.commit()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    seen: set[Change] = set()
    while any(thread.is_alive() for thread in threads):
        horizon, changes = run(poller, poll_changes(horizon))
        seen |= changes
    _, changes = run(poller, poll_changes(horizon))
    assert seen | changes == expected


def test_a_hint_says_what_changed(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client, client.pubsub() as listening:
        listening.subscribe(HINT_CHANNEL)
        listening.get_message(timeout=5)
        publish_hints(client, [Change("client", "a:b")])
        message = listening.get_message(timeout=5)
    assert message is not None
    assert read_hint(message["data"]) == Change("client", "a:b")


def test_a_hint_that_is_lost_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=1) as nobody:
        publish_hints(nobody, [Change("user", "u1"), Change("user", "u2")])
    assert [record.getMessage() for record in caplog.records] == ["a hint was lost"]
