"""Personal fields are encrypted under the person's own key, and erasing the person destroys it, and no chain."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from events.chain import genesis, seal
from events.payloads.fields import Origin
from events.payloads.sign_in import SignInSucceeded
from events.record import build_event
from events.types import EventType
from shared.aead import UnsealError
from shared.ids import new_id
from shared.subject_keys import AsyncSubjectKeys, SubjectKeys, decrypt_personal, encrypt_personal

NOW = datetime.now(UTC)


def committed_key(dsn: str, keys: SubjectKeys, subject: str):
    with psycopg.connect(dsn) as connection:
        return keys.get_or_create(connection, subject)


def test_a_person_has_one_key_for_good(postgres_dsn: str, data_keys) -> None:
    first = committed_key(postgres_dsn, SubjectKeys(data_keys), "u1")
    assert committed_key(postgres_dsn, SubjectKeys(data_keys), "u1") == first
    assert committed_key(postgres_dsn, SubjectKeys(data_keys), "u2").key != first.key


def test_the_key_is_at_rest_only_wrapped_and_never_shown(connection, subject_key_store: SubjectKeys) -> None:
    key = subject_key_store.get_or_create(connection, "u1")
    row = connection.execute("SELECT wrapped FROM subject_keys").fetchone()
    assert key.key not in row[0]
    assert repr(key.key) not in repr(key)


async def test_token_cores_get_the_same_key(postgres_dsn: str, async_connection, data_keys) -> None:
    made = committed_key(postgres_dsn, SubjectKeys(data_keys), "u1")
    assert await AsyncSubjectKeys(SubjectKeys(data_keys)).get_or_create(async_connection, "u1") == made


def test_fields_come_back_with_the_key_and_the_event_id_only(connection, subject_key_store: SubjectKeys) -> None:
    key, other = (subject_key_store.get_or_create(connection, subject) for subject in ("u1", "u2"))
    ciphertext = encrypt_personal(key, "event-1", {"address": "203.0.113.7"})
    assert decrypt_personal(key, "event-1", ciphertext) == {"address": "203.0.113.7"}
    for attempt in [
        (other, "event-1", ciphertext),
        (key, "event-2", ciphertext),
        (key, "event-1", ciphertext[:-2]),
        (key, "event-1", "!"),
    ]:
        with pytest.raises(UnsealError):
            decrypt_personal(*attempt)


def test_an_event_carries_its_personal_fields_encrypted(connection, subject_key_store: SubjectKeys) -> None:
    key = subject_key_store.get_or_create(connection, "u1")
    event = build_event(
        EventType.SIGN_IN_SUCCEEDED,
        payload=SignInSucceeded(amr=("pwd",), device_known=True),
        subject="u1",
        actor="u1",
        now=NOW,
        event_id=new_id(),
        personal=Origin(address="203.0.113.7", user_agent="Firefox"),
        cipher=key,
    )
    assert "203.0.113.7" not in event.to_json()
    assert event.subject_key_id == key.key_id
    assert json.loads(key.decrypt(event.event_id, event.personal)) == {
        "address": "203.0.113.7",
        "user_agent": "Firefox",
    }


def test_erasing_destroys_the_key_and_breaks_no_chain(postgres_dsn: str, subject_key_store: SubjectKeys) -> None:
    key = committed_key(postgres_dsn, subject_key_store, "u1")
    event = build_event(
        EventType.SIGN_IN_SUCCEEDED, payload=SignInSucceeded(amr=("pwd",), device_known=True), subject="u1",
        actor="u1", now=NOW, event_id=new_id(), personal=Origin(address="203.0.113.7"), cipher=key,
    )  # fmt: skip
    before = seal(genesis("p"), "p", 1, event).hash
    with psycopg.connect(postgres_dsn) as connection:
        assert subject_key_store.erase(connection, "u1", NOW) == key.key_id
        assert subject_key_store.get_or_create(connection, "u1") is None
        assert connection.execute("SELECT wrapped, erased_at IS NULL FROM subject_keys").fetchall() == [(None, False)]
    assert seal(genesis("p"), "p", 1, event).hash == before


def test_an_erased_person_gets_no_other_key_ever(postgres_dsn: str, data_keys) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        never_seen_before = SubjectKeys(data_keys).erase(connection, "u1", NOW)
    with psycopg.connect(postgres_dsn) as connection:
        assert SubjectKeys(data_keys).get_or_create(connection, "u1") is None
        assert SubjectKeys(data_keys).erase(connection, "u1", NOW) == never_seen_before


def test_an_erasure_that_was_rolled_back_erased_nothing(postgres_dsn: str, subject_key_store: SubjectKeys) -> None:
    key = committed_key(postgres_dsn, subject_key_store, "u1")
    with psycopg.connect(postgres_dsn) as connection:
        subject_key_store.erase(connection, "u1", NOW)
        connection.rollback()
        assert subject_key_store.get_or_create(connection, "u1") == key


def test_a_key_of_a_transaction_that_failed_is_never_used_again(postgres_dsn: str, subject_key_store) -> None:
    """Or events would be encrypted under a key that nobody has."""
    with psycopg.connect(postgres_dsn) as connection:
        lost = subject_key_store.get_or_create(connection, "u1")
        assert subject_key_store.get_or_create(connection, "u1") == lost
        connection.rollback()
        kept = subject_key_store.get_or_create(connection, "u1")
        connection.commit()
        assert kept.key_id != lost.key_id
        assert subject_key_store.get_or_create(connection, "u1") == kept


def test_many_that_ask_first_get_one_key(postgres_dsn: str, data_keys) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: committed_key(postgres_dsn, SubjectKeys(data_keys), "u1"), range(16)))
    assert len(set(found)) == 1


def test_another_processs_erasure_is_noticed_when_told_or_when_the_time_is_up(postgres_dsn: str, data_keys) -> None:
    clock = [0.0]
    told, untold = (SubjectKeys(data_keys, held_seconds=300, monotonic=lambda: clock[0]) for _ in range(2))
    committed_key(postgres_dsn, SubjectKeys(data_keys), "u1")
    key = committed_key(postgres_dsn, told, "u1")
    assert committed_key(postgres_dsn, untold, "u1") == key
    with psycopg.connect(postgres_dsn) as connection:
        SubjectKeys(data_keys).erase(connection, "u1", NOW)
    told.forget("u1")
    assert committed_key(postgres_dsn, told, "u1") is None
    assert committed_key(postgres_dsn, untold, "u1") == key
    clock[0] = 300.0
    assert committed_key(postgres_dsn, untold, "u1") is None


def test_memory_holds_so_many_keys_and_no_more(postgres_dsn: str, data_keys) -> None:
    keys = SubjectKeys(data_keys, held=3)
    for _ in range(2):
        for number in range(10):
            committed_key(postgres_dsn, keys, f"u{number}")
    assert len(keys._keys) == 3
    assert set(keys._keys) == {"u7", "u8", "u9"}


def test_a_row_moved_to_another_person_opens_nothing(postgres_dsn: str, data_keys) -> None:
    committed_key(postgres_dsn, SubjectKeys(data_keys), "u1")
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("UPDATE subject_keys SET subject = 'u2'")
    with psycopg.connect(postgres_dsn) as connection, pytest.raises(UnsealError):
        SubjectKeys(data_keys).get_or_create(connection, "u2")


async def test_a_key_that_was_read_before_the_word_of_its_erasure_is_not_kept(async_connection, data_keys) -> None:
    told = SubjectKeys(data_keys)
    await AsyncSubjectKeys(told).get_or_create(async_connection, "u1")
    await async_connection.commit()
    reading = told.of("u1")
    statement = next(reading)
    rows = await (await async_connection.execute(statement.sql, statement.parameters)).fetchall()
    told.forget("u1")
    with contextlib.suppress(StopIteration):
        reading.send(rows)
    assert told._keys == {}


def test_who_may_have_missed_changes_forgets_all(postgres_dsn: str, data_keys) -> None:
    keys = SubjectKeys(data_keys)
    for _ in range(2):
        committed_key(postgres_dsn, keys, "u1")
    assert keys._keys
    keys.forget_all()
    assert not keys._keys
