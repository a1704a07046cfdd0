"""Disabling, erasing or a new password ends sessions, refresh families and links: all of them, at once, of nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.orm import Session

from shared.database.engine import create_engine
from shared.identity.ending import end_user_access, end_user_access_async
from shared.ids import new_id

NOW = datetime.now(UTC)
ADA, BOB = new_id(), new_id()


def put_session(connection, user_id: UUID) -> UUID:
    session_id = new_id()
    connection.execute(
        "INSERT INTO sign_in_sessions (id, user_id, secret_hash, expires_at) VALUES (%s, %s, 'h', %s)",
        [session_id, user_id, NOW + timedelta(days=1)],
    )
    return session_id


def put_family(connection, user_id: UUID, session_id: UUID | None) -> UUID:
    family_id = new_id()
    connection.execute(
        "INSERT INTO refresh_families (id, user_id, client_id, session_id, auth_time, current_hash, answer,"
        " idle_expires_at, expires_at) VALUES (%s, %s, %s, %s, now(), 'h', 'answer', %s, %s)",
        [family_id, user_id, new_id(), session_id, NOW + timedelta(days=1), NOW + timedelta(days=9)],
    )
    return family_id


def put_mail(
    connection,
    user_id: UUID,
    *,
    purpose: str | None = "set_password",
    expires: timedelta = timedelta(days=1),
    spent: bool = False,
) -> UUID:
    email_id = new_id()
    connection.execute(
        "INSERT INTO email_log (id, user_id, template, link_purpose, link_expires_at, link_spent_at)"
        " VALUES (%s, %s, 'welcome', %s, %s, %s)",
        [email_id, user_id, purpose, NOW + expires if purpose else None, NOW if spent else None],
    )
    return email_id


def live(connection, user_id: UUID) -> tuple[set[UUID], set[UUID]]:
    sessions = connection.execute("SELECT id FROM sign_in_sessions WHERE user_id = %s AND ended_at IS NULL", [user_id])
    families = connection.execute(
        "SELECT id FROM refresh_families WHERE user_id = %s AND revoked_at IS NULL", [user_id]
    )
    return {row[0] for row in sessions.fetchall()}, {row[0] for row in families.fetchall()}


def test_everything_of_the_user_ends_and_nothing_of_others(connection) -> None:
    sessions = {put_session(connection, ADA) for _ in range(2)}
    families = {put_family(connection, ADA, next(iter(sessions))), put_family(connection, ADA, None)}
    bobs = put_session(connection, BOB)
    ended = end_user_access(connection, ADA, "disabled", NOW)
    assert (set(ended.session_ids), set(ended.family_ids)) == (sessions, families)
    assert live(connection, ADA) == (set(), set())
    assert live(connection, BOB) == ({bobs}, set())
    assert connection.execute(
        "SELECT DISTINCT end_reason FROM sign_in_sessions WHERE user_id = %s", [ADA]
    ).fetchall() == [("disabled",)]


def test_a_revoked_familys_stored_answer_is_gone(connection) -> None:
    put_family(connection, ADA, None)
    end_user_access(connection, ADA, "disabled", NOW)
    assert connection.execute("SELECT answer, revoke_reason FROM refresh_families").fetchall() == [(None, "disabled")]


def test_ending_again_ends_nothing_more(connection) -> None:
    put_session(connection, ADA)
    end_user_access(connection, ADA, "disabled", NOW)
    ended = end_user_access(connection, ADA, "erased", NOW)
    assert (ended.session_ids, ended.family_ids) == ((), ())
    assert connection.execute("SELECT end_reason FROM sign_in_sessions").fetchall() == [("disabled",)]


def test_the_session_where_the_password_was_changed_goes_on_with_its_families(connection) -> None:
    here, elsewhere = put_session(connection, ADA), put_session(connection, ADA)
    kept = put_family(connection, ADA, here)
    put_family(connection, ADA, elsewhere)
    put_family(connection, ADA, None)
    end_user_access(connection, ADA, "password_changed", NOW, except_session=here)
    assert live(connection, ADA) == ({here}, {kept})


def test_links_not_yet_followed_are_void(connection) -> None:
    open_link, spent, expired = (
        put_mail(connection, ADA),
        put_mail(connection, ADA, spent=True),
        put_mail(connection, ADA, expires=-timedelta(1)),
    )
    put_mail(connection, ADA, purpose=None)
    put_mail(connection, BOB)
    end_user_access(connection, ADA, "password_changed", NOW)
    void = {row[0] for row in connection.execute("SELECT id FROM email_log WHERE link_void_at IS NOT NULL").fetchall()}
    assert void == {open_link}
    assert spent not in void and expired not in void


def test_it_is_the_callers_transaction(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        session_id = put_session(connection, ADA)
    with psycopg.connect(postgres_dsn) as connection:
        end_user_access(connection, ADA, "disabled", NOW)
        connection.rollback()
        assert live(connection, ADA) == ({session_id}, set())


async def test_token_cores_and_sqlalchemy_do_the_same(postgres_dsn: str, async_connection) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        adas, bobs = put_session(connection, ADA), put_session(connection, BOB)
    ended = await end_user_access_async(async_connection, ADA, "disabled", NOW)
    assert ended.session_ids == (adas,)
    engine = create_engine(postgres_dsn)
    with Session(engine) as session:
        assert end_user_access(session, BOB, "disabled", NOW).session_ids == (bobs,)
        session.rollback()
    engine.dispose()


@pytest.mark.parametrize("except_session", [None, new_id()])
def test_somebody_without_access_is_no_error(connection, except_session: UUID | None) -> None:
    ended = end_user_access(connection, new_id(), "disabled", NOW, except_session)
    assert (ended.session_ids, ended.family_ids) == ((), ())
