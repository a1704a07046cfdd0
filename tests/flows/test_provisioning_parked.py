"""P9: a parked command holds back its own user's later ones, in order, and nobody else."""

from __future__ import annotations

import uuid

import pytest

from tests.fixtures.provisioning import ADMIN_API, BACKEND, USER_COMMANDS


def park_then_follow(desk, user="w-1"):
    """A role that isn't there yet, and two commands behind it."""
    desk.create(user, send_welcome=False)
    parked = desk.command("user.assign_roles", user, {"roles": ["not-there-yet"]})
    waiting = [desk.command("user.update", user, {"profile": {"name": name}}) for name in ("First", "Second")]
    return parked, waiting


def test_later_commands_of_the_user_wait_and_nobody_elses(desk):
    parked, waiting = park_then_follow(desk)
    assert (parked.state, parked.reason) == ("parked", "role_unknown")
    assert [outcome.state for outcome in waiting] == ["waiting", "waiting"]
    assert desk.user("w-1")["profile"] == {}
    assert desk.create("w-2").state == "applied"
    assert [row["state"] for row in desk.parked()] == ["parked", "waiting", "waiting"]
    assert len(desk.events("command.waiting")) == 2


def test_a_user_named_by_id_does_not_overtake_commands_that_named_them_by_reference(desk):
    park_then_follow(desk)
    user_id = desk.user("w-1")["id"]
    assert desk.command("user.disable", {"id": str(user_id)}).state == "waiting"
    assert desk.user("w-1")["status"] == "active"


def test_redriving_applies_the_parked_command_and_then_those_behind_it_in_order(desk):
    parked, waiting = park_then_follow(desk)
    user_id = desk.user("w-1")["id"]
    by_id = desk.command("user.update", {"id": str(user_id)}, {"profile": {"nickname": "third"}})
    desk.add_role("not-there-yet")
    head = desk.parked()[0]
    assert desk.control("command.redrive", head).state == "applied"
    assert not desk.parked()
    user = desk.user("w-1")
    assert user["profile"] == {"name": "Second", "nickname": "third"}
    for outcome in (parked, *waiting, by_id):
        (row,) = desk.inbox(outcome.command_id)
        assert (row["state"], row["reason"]) == ("applied", None)
        assert row["finished_at"] is not None
    applied = [event["payload"]["command_id"] for event in desk.events("command.applied")]
    order = [applied.index(outcome.command_id) for outcome in (parked, *waiting, by_id)]
    assert order == sorted(order)
    (redriven,) = desk.events("command.redriven")
    assert (redriven["actor"], redriven["request_id"]) == ("user-admin", "request-1")
    (row,) = desk.rows("SELECT * FROM parked_commands WHERE id = %s", head["id"])
    assert (row["state"], row["resolved_by"], row["body"]) == ("redriven", "user-admin", "")


def test_what_a_redriven_command_does_is_its_senders_doing(desk):
    park_then_follow(desk)
    desk.add_role("not-there-yet")
    desk.control("command.redrive", desk.parked()[0])
    (event,) = desk.events("user.roles_assigned")
    assert event["actor"] == f"sender:{BACKEND}"


def test_redriving_what_is_still_wrong_leaves_it_parked_and_nobody_gets_past(desk):
    park_then_follow(desk)
    head = desk.parked()[0]
    assert desk.control("command.redrive", head).state == "applied"  # the control message itself
    assert [row["state"] for row in desk.parked()] == ["parked", "waiting", "waiting"]
    assert desk.parked()[0]["id"] == head["id"]
    assert len(desk.events("command.parked")) == 2
    assert desk.user("w-1")["profile"] == {}


def test_dismissing_gives_one_command_up_and_applies_those_behind_it(desk):
    parked, _ = park_then_follow(desk)
    head = desk.parked()[0]
    desk.control("command.dismiss", head)
    assert not desk.parked()
    assert desk.user("w-1")["profile"] == {"name": "Second"}
    assert desk.inbox(parked.command_id)[0]["state"] == "dismissed"
    assert not desk.events("user.roles_assigned")
    (event,) = desk.events("command.dismissed")
    assert event["actor"] == "user-admin"


def test_a_waiting_command_can_be_dismissed_but_not_redriven_out_of_turn(desk):
    park_then_follow(desk)
    _, first, _ = desk.parked()
    refused = desk.control("command.redrive", first)
    assert (refused.state, refused.reason) == ("rejected", "invalid_field")
    desk.control("command.dismiss", first)
    assert [row["state"] for row in desk.parked()] == ["parked", "waiting"]
    desk.control("command.dismiss", desk.parked()[0])
    assert desk.user("w-1")["profile"] == {"name": "Second"}


def test_those_behind_are_let_go_until_the_next_one_has_to_be_parked(desk):
    park_then_follow(desk)
    desk.command("user.assign_roles", "w-1", {"roles": ["not-there-yet"]})
    desk.command("user.update", "w-1", {"profile": {"name": "Third"}})
    desk.control("command.dismiss", desk.parked()[0])
    assert [row["state"] for row in desk.parked()] == ["parked", "waiting"]
    assert desk.user("w-1")["profile"] == {"name": "Second"}


def test_a_redrive_that_was_cut_off_is_finished_when_its_message_comes_again(desk):
    import json

    from shared.clock import utc_now

    park_then_follow(desk)
    desk.add_role("not-there-yet")
    head = desk.parked()[0]
    body = {
        "command_id": "cut-off",
        "type": "command.redrive",
        "issued_at": utc_now().isoformat(),
        "parked_id": str(head["id"]),
        "actor": "user-admin",
    }
    message = desk.raw(json.dumps(body), group=head["group_key"], sender=ADMIN_API)

    class Died(BaseException):
        pass

    def die(_):
        raise Died

    import dataclasses

    whole, desk.services = desk.services, dataclasses.replace(desk.services, hint=die)
    with pytest.raises(Died):
        desk.take(message)  # dies after its first commit
    assert [row["state"] for row in desk.parked()] == ["waiting", "waiting"]
    desk.services = whole
    assert desk.take(message).is_repeat
    assert not desk.parked()
    assert desk.user("w-1")["profile"] == {"name": "Second"}
    assert len(desk.events("command.redriven")) == 1


def test_followers_without_a_leader_are_let_go_by_the_next_command(desk):
    park_then_follow(desk)
    desk.connection.execute("UPDATE parked_commands SET state = 'dismissed' WHERE state = 'parked'")
    desk.command("user.update", "w-1", {"profile": {"name": "Third"}})
    assert not desk.parked()
    assert desk.user("w-1")["profile"] == {"name": "Third"}


def test_a_redriven_command_is_judged_by_the_policy_of_now(desk):
    parked, _ = park_then_follow(desk)
    desk.add_role("not-there-yet")
    desk.allow(BACKEND, USER_COMMANDS, ["member"])
    desk.control("command.redrive", desk.parked()[0])
    (row,) = desk.inbox(parked.command_id)
    assert (row["state"], row["reason"]) == ("rejected", "role_not_grantable")
    assert not desk.parked()
    assert desk.user("w-1")["profile"] == {"name": "Second"}


def test_a_command_that_waits_is_told_so_when_it_comes_again(desk):
    park_then_follow(desk)
    message = desk.message("user.enable", "w-1")
    assert desk.take(message).state == "waiting"
    again = desk.take(message)
    assert (again.state, again.is_repeat) == ("waiting", True)
    assert len(desk.parked()) == 4


def test_senders_hear_of_commands_that_were_let_go(desk):
    park_then_follow(desk)
    desk.add_role("not-there-yet")
    desk.control("command.redrive", desk.parked()[0])
    told = [(reply.type, reply.state) for reply in desk.replies]
    assert told.count(("user.update", "applied")) == 2


def test_redriving_or_dismissing_what_is_resolved_changes_nothing(desk):
    park_then_follow(desk)
    head = desk.parked()[0]
    desk.control("command.dismiss", head)
    before = len(desk.events("command.dismissed", "command.redriven", "user.updated"))
    for control_type in ("command.redrive", "command.dismiss"):
        assert desk.control(control_type, head).state == "applied"
    assert len(desk.events("command.dismissed", "command.redriven", "user.updated")) == before


def test_a_control_message_for_nothing_is_refused(desk):
    outcome = desk.control("command.redrive", {"id": uuid.uuid4(), "group_key": "w-9"})
    assert (outcome.state, outcome.reason) == ("rejected", "invalid_field")


def test_an_erase_that_waited_takes_the_parked_bodies_with_it(desk):
    park_then_follow(desk)
    desk.command("user.erase", "w-1")
    desk.control("command.dismiss", desk.parked()[0])
    assert not desk.rows("SELECT 1 FROM users WHERE external_id = 'w-1'")
    assert {row["body"] for row in desk.rows("SELECT body FROM parked_commands")} == {""}
