"""Every state that a command can end in has its event, with what is known and nothing more."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from events.types import EventType
from functions.provision_user.message import Outcome, State
from functions.provision_user.outcomes import conclude
from functions.provision_user.reading import UNREADABLE_TYPE, Reading
from shared.ids import new_id


class Recorded:
    def __init__(self) -> None:
        self.events = []

    def record(self, event_type, payload, *, subject: str) -> None:
        self.events.append((event_type, json.loads(payload.model_dump_json()), subject))


def told(outcome: Outcome, reading: Reading):
    work = Recorded()
    conclude(work, outcome, reading)
    (event,) = work.events
    return event


@pytest.mark.parametrize("state", get_args(State))
def test_each_state_has_an_event_of_its_name(state: State) -> None:
    outcome = Outcome("AROA", "c-1", "user.create", state, "user_exists", "detail")
    event_type, payload, subject = told(outcome, Reading("c-1", "user.create"))
    assert event_type is EventType(f"command.{state}")
    assert (payload["sender"], payload["command_id"], payload["command_type"]) == ("AROA", "c-1", "user.create")
    assert subject == "sender:AROA"


def test_the_subject_is_the_user_where_one_is_known() -> None:
    user = new_id()
    assert told(Outcome("AROA", "c", "user.enable", "applied", user_id=user), Reading("c", "user.enable"))[2] == str(
        user
    )


def test_a_message_without_id_and_type_claims_neither() -> None:
    reading = Reading("message:sqs-1", UNREADABLE_TYPE, has_own_id=False)
    _, payload, _ = told(Outcome("AROA", "message:sqs-1", UNREADABLE_TYPE, "rejected", "malformed_json"), reading)
    assert (payload["command_id"], payload["command_type"]) == (None, None)
