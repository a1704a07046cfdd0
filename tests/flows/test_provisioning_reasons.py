"""P9: every reason by its name, and which of the two answers it gets."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest

from events.commands import MAX_COMMAND_BYTES, RejectionReason
from functions.provision_user.contradictions import PARKED_REASONS
from shared.clock import utc_now
from tests.fixtures.provisioning import BACKEND, HELPDESK, ROLES, USER_COMMANDS

MAKERS = {}


def makes(reason):
    def register(function):
        MAKERS[RejectionReason(reason)] = function
        return function

    return register


@makes("malformed_json")
def _(desk):
    return desk.raw('{"command_id": "x", ')


@makes("too_large")
def _(desk):
    return desk.raw(json.dumps({"command_id": "x", "padding": "p" * MAX_COMMAND_BYTES}))


@makes("unknown_type")
def _(desk):
    return desk.message("user.promote", "r-1")


@makes("unknown_version")
def _(desk):
    return desk.message("user.disable", "r-1", version=2)


@makes("invalid_field")
def _(desk):
    return desk.message("user.create", "r-1", {"email": "not an address"})


@makes("unknown_sender")
def _(desk):
    return desk.message("user.create", "r-1", {"email": "r-1@example.com"}, sender="AROASTRANGER:x")


@makes("not_allowed")
def _(desk):
    return desk.message("user.create", "r-1", {"email": "r-1@example.com"}, sender=HELPDESK)


@makes("group_mismatch")
def _(desk):
    return desk.message("user.create", "r-1", {"email": "r-1@example.com"}, group="somebody-else")


@makes("command_id_reused")
def _(desk):
    desk.command("user.create", "r-0", {"email": "r-0@example.com"}, command_id="reused")
    return desk.message("user.erase", "r-0", command_id="reused")


@makes("user_exists")
def _(desk):
    desk.create("r-1")
    return desk.message("user.create", "r-1", {"email": "other@example.com"})


@makes("user_not_found")
def _(desk):
    return desk.message("user.disable", "r-nobody")


@makes("email_taken")
def _(desk):
    desk.create("r-1")
    return desk.message("user.create", "r-2", {"email": "R-1@example.com"})


@makes("role_unknown")
def _(desk):
    desk.create("r-1")
    return desk.message("user.assign_roles", "r-1", {"roles": ["member", "not-there-yet"]})


@makes("role_not_grantable")
def _(desk):
    desk.create("r-1")
    return desk.message("user.assign_roles", "r-1", {"roles": ["owner"]})


@makes("user_erased")
def _(desk):
    user_id = desk.create("r-1").user_id
    desk.command("user.erase", "r-1")
    return desk.message("user.enable", {"id": str(user_id)})


@makes("command_too_old")
def _(desk):
    return desk.message("user.disable", "r-1", issued_at=(utc_now() - timedelta(days=400)).isoformat())


def counts(desk):
    tables = ("users", "role_bindings", "email_log", "sign_in_sessions", "authority_changes")
    return {table: desk.rows(f"SELECT count(*) FROM {table}")[0]["count"] for table in tables}


def test_every_reason_is_made_here_but_the_one_that_no_command_can_meet_yet():
    of_the_registry = {  # made in test_provisioning_registry
        RejectionReason.ALREADY_EXISTS,
        RejectionReason.UNKNOWN_NAME,
        RejectionReason.NOT_GRANTABLE,
    }
    assert set(RejectionReason) - set(MAKERS) == {RejectionReason.EXTERNAL_ID_TAKEN} | of_the_registry


@pytest.mark.parametrize("reason", list(MAKERS))
def test_a_bad_command_changes_nothing_and_says_why_in_status_and_audit(desk, reason):
    message = MAKERS[reason](desk)
    before = counts(desk)
    outcome = desk.take(message)
    assert outcome.reason == reason
    assert outcome.state == ("parked" if reason in PARKED_REASONS else "rejected")
    assert counts(desk) == before
    row = desk.inbox(outcome.command_id)[-1]
    assert (row["state"], row["reason"]) == (outcome.state, str(reason))
    (event,) = desk.events(f"command.{outcome.state}")
    assert event["payload"]["reason"] == str(reason)
    assert event["payload"]["sender"] == message.sender
    # nothing is lost: the body is kept
    if outcome.state == "parked":
        (parked,) = desk.parked()
        assert parked["body"] == message.body
    else:
        assert row["result"]["body"] == message.body
        assert not desk.parked()
    # and the same message again is the same answer, once more and no more
    again = desk.take(message)
    assert again.is_repeat
    assert (again.state, again.reason) == (outcome.state, str(reason))
    assert len(desk.events(f"command.{outcome.state}")) == 1


def test_a_reused_command_id_leaves_the_first_command_as_it_is(desk):
    outcome = desk.take(MAKERS[RejectionReason.COMMAND_ID_REUSED](desk))
    first, second = desk.inbox("reused")
    assert (first["state"], first["type"]) == ("applied", "user.create")
    assert (second["state"], second["reason"]) == ("rejected", "command_id_reused")
    assert desk.user("r-0")["status"] == "active"
    assert outcome.state == "rejected"


def test_nobody_grants_or_revokes_a_role_that_their_policy_does_not_hold(desk):
    user_id = desk.create("n-1").user_id
    (owner,) = desk.rows("SELECT id FROM roles WHERE name = 'owner'")
    desk.connection.execute(
        "INSERT INTO role_bindings (id, role_id, user_id, granted_by) VALUES (%s, %s, %s, 'test')",
        (uuid.uuid4(), owner["id"], user_id),
    )
    for command_type in ("user.assign_roles", "user.revoke_roles"):
        assert desk.command(command_type, "n-1", {"roles": ["member", "owner"]}).reason == "role_not_grantable"
    assert desk.create("n-2", roles=["owner"]).reason == "role_not_grantable"
    assert len(desk.rows("SELECT 1 FROM role_bindings WHERE user_id = %s", user_id)) == 1
    assert not desk.rows("SELECT 1 FROM users WHERE external_id = 'n-2'")


@pytest.mark.parametrize(("command", "payload"), [("user.update", {"email": "mine@example.com"}), ("user.enable", {})])
def test_nobody_takes_over_who_holds_more_than_their_policy_may_grant(desk, command, payload):
    desk.allow(BACKEND, USER_COMMANDS, ROLES)
    assert desk.create("boss", roles=["owner"]).state == "applied"
    desk.command("user.disable", "boss")
    desk.allow(HELPDESK, ["user.update", "user.enable"], ["member"])
    before = desk.user("boss")
    outcome = desk.command(command, "boss", payload, sender=HELPDESK)
    assert outcome.state != "applied"
    assert outcome.reason == "role_not_grantable"
    assert desk.user("boss") == before


def test_who_may_not_grant_a_role_may_still_tell_the_holder_s_name(desk):
    desk.allow(BACKEND, USER_COMMANDS, ROLES)
    assert desk.create("boss", roles=["owner"]).state == "applied"
    desk.allow(HELPDESK, ["user.update"], ["member"])
    outcome = desk.command("user.update", "boss", {"profile": {"name": "The Boss"}}, sender=HELPDESK)
    assert outcome.state == "applied"


def test_what_the_message_says_about_its_sender_is_not_believed(desk):
    message = desk.message("user.create", "n-3", {"email": "n-3@example.com"}, sender="AROASTRANGER", sender_id=BACKEND)
    assert desk.take(message).reason == "unknown_sender"


def test_a_stranger_learns_nothing_of_what_exists(desk):
    desk.create("n-4")
    for user in ("n-4", "nobody"):
        outcome = desk.command("user.disable", user, sender="AROASTRANGER")
        assert (outcome.state, outcome.reason) == ("rejected", "unknown_sender")


def test_a_backend_cannot_redrive_what_was_parked(desk):
    desk.command("user.disable", "n-5")
    outcome = desk.control("command.redrive", desk.parked()[0], sender=BACKEND)
    assert (outcome.state, outcome.reason) == ("rejected", "not_allowed")
    assert desk.parked()[0]["state"] == "parked"


@pytest.mark.parametrize("issued_at", ["2999-01-01T00:00:00Z", "yesterday", "2026-01-01T00:00:00"])
def test_a_time_of_issue_must_be_a_time_with_an_offset_and_not_ahead(desk, issued_at):
    assert desk.command("user.disable", "n-6", issued_at=issued_at).reason == "invalid_field"


def test_details_name_fields_and_never_their_values(desk):
    desk.command("user.create", "n-7", {"email": "canary-7@@example", "roles": ["CANARY ROLE"]})
    desk.create("n-8", email="taken-canary@example.com")
    desk.create("n-9", email="taken-canary@example.com")
    for row in desk.rows("SELECT detail FROM inbox WHERE detail IS NOT NULL"):
        assert "canary" not in row["detail"].lower()


def test_a_key_with_a_nul_is_rejected_and_never_comes_back(desk):
    """Postgres takes no NUL: a message that made it fail would block its group until SQS gave it up."""
    outcome = desk.command("user.update", "r-nul", {"na\x00me": "x"})
    assert (outcome.state, outcome.reason) == ("rejected", RejectionReason.INVALID_FIELD)
