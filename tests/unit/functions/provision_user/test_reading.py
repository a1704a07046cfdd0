from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from events.commands import RejectionReason
from functions.provision_user.contradictions import ContradictionError
from functions.provision_user.message import Message
from functions.provision_user.reading import AHEAD, read_message, require_own_group, require_timely

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
REMEMBERS = timedelta(days=395)
USER = "01a20048-1e00-7080-9a4c-7abc12cddc96"


def message(**changes: object) -> Message:
    values = {
        "command_id": "c-1",
        "type": "user.enable",
        "version": 1,
        "issued_at": NOW.isoformat(),
        "user": {"external_id": "hr-7"},
    } | changes
    return Message("AROA", "hr-7", "sqs-1", json.dumps(values))


def command(**changes: object):
    return read_message(message(**changes)).require_command()


def reason_of(check, *arguments, **named) -> RejectionReason:
    with pytest.raises(ContradictionError) as caught:
        check(*arguments, **named)
    return caught.value.reason


def test_a_command_is_read_with_its_own_id() -> None:
    reading = read_message(message())
    assert (reading.command_id, reading.named_type, reading.has_own_id) == ("c-1", "user.enable", True)
    assert reading.problem is None and reading.control is None


def test_a_control_is_no_command() -> None:
    body = {
        "command_id": "c-1", "type": "command.dismiss", "version": 1, "issued_at": NOW.isoformat(), "parked_id": USER,
        "actor": "user:1",
    }  # fmt: skip
    reading = read_message(Message("AROA", "hr-7", "sqs-1", json.dumps(body)))
    assert reading.control is not None and reading.command is None and reading.problem is None
    assert reason_of(reading.require_command) is RejectionReason.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("change", "reason", "named_type"),
    [
        ({"type": "user.explode"}, RejectionReason.UNKNOWN_TYPE, None),
        ({"version": 2}, RejectionReason.UNKNOWN_VERSION, "user.enable"),
        ({"user": {}}, RejectionReason.INVALID_FIELD, "user.enable"),
        ({"sender": "AROAOTHER"}, RejectionReason.INVALID_FIELD, "user.enable"),
    ],
)
def test_what_is_wrong_is_told_with_the_type_where_there_is_one(change, reason, named_type) -> None:
    reading = read_message(message(**change))
    assert reading.problem is not None
    assert (reading.problem.reason, reading.named_type, reading.command_id) == (reason, named_type, "c-1")
    assert reason_of(reading.require_command) is reason


def test_a_command_that_the_inbox_would_have_forgotten_is_refused() -> None:
    require_timely(command(issued_at=(NOW - REMEMBERS).isoformat()), now=NOW, remembers=REMEMBERS)
    late = command(issued_at=(NOW - REMEMBERS - timedelta(seconds=1)).isoformat())
    assert reason_of(require_timely, late, now=NOW, remembers=REMEMBERS) is RejectionReason.COMMAND_TOO_OLD


def test_a_command_from_the_future_can_not_outlive_the_inbox() -> None:
    require_timely(command(issued_at=(NOW + AHEAD).isoformat()), now=NOW, remembers=REMEMBERS)
    early = command(issued_at=(NOW + AHEAD + timedelta(seconds=1)).isoformat())
    assert reason_of(require_timely, early, now=NOW, remembers=REMEMBERS) is RejectionReason.INVALID_FIELD


@pytest.mark.parametrize("group", ["", "hr-8", "HR-7", "hr-7 ", USER])
def test_a_command_in_another_users_group_has_no_order_and_is_refused(group: str) -> None:
    assert reason_of(require_own_group, command(), group) is RejectionReason.GROUP_MISMATCH


def test_the_group_is_the_reference_that_the_command_uses() -> None:
    require_own_group(command(), "hr-7")
    require_own_group(command(user={"id": USER}), USER)
    assert reason_of(require_own_group, command(user={"id": USER}), "hr-7") is RejectionReason.GROUP_MISMATCH
