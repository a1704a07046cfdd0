"""P1: an event is in the outbox exactly when the change that it tells of is committed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy.orm import Session

from events.payloads.user import UserEnabled
from events.record import build_event
from events.types import EventType
from shared.database.engine import create_engine
from shared.database.outbox import INSERT_OUTBOX, insert_events, insert_events_async, outbox_parameters
from shared.ids import new_id


def event(subject: str = "s"):
    return build_event(
        EventType.USER_ENABLED,
        payload=UserEnabled(),
        subject=subject,
        actor="platform",
        now=datetime.now(UTC),
        event_id=new_id(),
    )


def test_events_are_committed_with_the_callers_transaction(postgres_dsn: str, recorded) -> None:
    events = [event() for _ in range(3)]
    with psycopg.connect(postgres_dsn) as connection:
        insert_events(connection, events)
        assert recorded() == []
    assert recorded() == events


def test_events_vanish_with_the_callers_transaction(postgres_dsn: str, recorded) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        insert_events(connection, [event()])
        connection.rollback()
    assert recorded() == []


async def test_async_callers_write_the_same(postgres_dsn: str, recorded) -> None:
    events = [event(), event()]
    async with await psycopg.AsyncConnection.connect(postgres_dsn) as connection:
        await insert_events_async(connection, events)
    assert recorded() == events


def test_sqlalchemys_connections_and_sessions_write_the_same(postgres_dsn: str, recorded) -> None:
    engine = create_engine(postgres_dsn)
    events = [event(), event()]
    with engine.begin() as connection:
        insert_events(connection, events[:1])
    with Session(engine) as session:
        insert_events(session, events[1:])
        session.commit()
    engine.dispose()
    assert recorded() == events


def test_no_events_are_no_statement(postgres_dsn: str, recorded) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        insert_events(connection, [])
    assert recorded() == []


def test_the_same_event_twice_is_refused(postgres_dsn: str) -> None:
    twice = event()
    with psycopg.connect(postgres_dsn) as connection, pytest.raises(psycopg.errors.UniqueViolation):
        insert_events(connection, [twice, twice])


def test_the_envelope_is_kept_verbatim(postgres_dsn: str) -> None:
    one = event('größe "x" \\ \u2028')
    with psycopg.connect(postgres_dsn) as connection:
        insert_events(connection, [one])
        row = connection.execute("SELECT envelope, segment_id, number FROM outbox").fetchone()
    assert row == (one.to_json(), None, None)
    assert json.loads(one.to_json())["subject"] == one.subject


def test_a_subjects_events_share_a_shard_and_subjects_are_spread() -> None:
    shards = {
        subject: set(outbox_parameters([event(subject), event(subject)], 8)["outbox_shards"])
        for subject in map(str, range(200))
    }
    assert all(len(found) == 1 for found in shards.values())
    assert {shard for found in shards.values() for shard in found} == set(range(8))


def test_the_insert_can_be_part_of_one_statement_with_the_change(postgres_dsn: str, recorded) -> None:
    one = event()
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        row = connection.execute(
            f"WITH recorded AS ({INSERT_OUTBOX}) INSERT INTO roles (id, name) VALUES (%(id)s, 'r') RETURNING name",
            {"id": new_id(), **outbox_parameters([one], 1)},
        ).fetchone()
    assert row == ("r",)
    assert recorded() == [one]
