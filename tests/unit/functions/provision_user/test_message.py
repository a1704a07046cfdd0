from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.provision_user.message import (
    MAX_GROUP_CHARACTERS,
    MAX_SENDER_CHARACTERS,
    NOBODY,
    Message,
    storable,
)

ANY = st.text(st.characters(exclude_categories=[]), max_size=300)


@pytest.mark.parametrize(
    ("sender_id", "sender"),
    [
        ("AROAEXAMPLE:session-1", "AROAEXAMPLE"), ("AROAEXAMPLE:another", "AROAEXAMPLE"), ("AIDAEXAMPLE", "AIDAEXAMPLE"),
        ("", NOBODY), (":session", NOBODY), ("x" * 500, "x" * MAX_SENDER_CHARACTERS),
    ],
)  # fmt: skip
def test_the_sender_is_the_principal_whatever_its_session_is_called(sender_id: str, sender: str) -> None:
    assert Message(sender_id, "g", "m", "{}").sender == sender


@given(ANY)
def test_any_text_can_be_stored(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert "\x00" not in kept


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_text_that_postgres_takes_is_stored_as_it_is(text: str) -> None:
    assert storable(text) == text


@given(ANY, ANY, ANY)
def test_whatever_comes_is_hashed_and_kept(sender: str, group: str, body: str) -> None:
    message = Message(sender, group, "m", body)
    assert len(message.body_hash) == 32 and len(message.kept_group) <= MAX_GROUP_CHARACTERS
    assert 0 < len(message.sender) <= MAX_SENDER_CHARACTERS


def test_two_bodies_have_two_hashes() -> None:
    assert Message("s", "g", "m", "{}").body_hash != Message("s", "g", "m", "{ }").body_hash
