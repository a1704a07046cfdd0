from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.send_email.message import MalformedMessageError, read_email_id

ID = "01a20048-1e00-7080-9a4c-7abc12cddc96"


def test_the_relays_message_names_a_mail() -> None:
    assert read_email_id(json.dumps({"email_id": ID, "version": 1})) == UUID(ID)


@pytest.mark.parametrize(
    "body",
    [
        "", "null", "[]", "{}", "1", '"x"', f'{{"email_id": "{ID}"}}', f'{{"email_id": "{ID}", "version": 2}}',
        f'{{"email_id": "{ID}", "version": true}}', f'{{"email_id": "{ID}", "version": "1"}}', f'{{"email_id": "{ID}", "version": 1.0}}',
        '{"email_id": "x", "version": 1}', '{"email_id": 7, "version": 1}', '{"email_id": null, "version": 1}', "[" * 100_000,
    ],
)  # fmt: skip
def test_anything_else_stays_in_the_dead_letter_queue(body: str) -> None:
    with pytest.raises(MalformedMessageError):
        read_email_id(body)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_answered(body: str) -> None:
    with pytest.raises(MalformedMessageError):
        read_email_id(body)
