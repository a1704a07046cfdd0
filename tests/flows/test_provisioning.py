"""P9: what each verb does, in one transaction, to everything that it touches."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest

from shared.clock import utc_now
from shared.ids import new_id
from tests.fixtures.provisioning import BACKEND


def sign_in(desk, user_id):
    """A session with two refresh families and an open link, as the token core leaves them."""
    session, families, now = new_id(), [new_id(), new_id()], utc_now()
    desk.connection.execute(
        "INSERT INTO sign_in_sessions (id, user_id, secret_hash, amr, expires_at) VALUES (%s, %s, 'x', '{pwd}', %s)",
        (session, user_id, now + timedelta(days=1)),
    )
    for family in families:
        desk.connection.execute(
            "INSERT INTO refresh_families (id, user_id, client_id, session_id, scopes, auth_time, amr, current_hash,"
            " idle_expires_at, expires_at) VALUES (%s, %s, %s, %s, '{openid}', %s, '{pwd}', 'x', %s, %s)",
            (family, user_id, uuid.uuid4(), session, now, now + timedelta(days=1), now + timedelta(days=2)),
        )
    return session, families


def assert_access_ended(desk, user_id):
    assert not desk.rows("SELECT 1 FROM sign_in_sessions WHERE user_id = %s AND ended_at IS NULL", user_id)
    assert not desk.rows("SELECT 1 FROM refresh_families WHERE user_id = %s AND revoked_at IS NULL", user_id)
    assert not desk.rows(
        "SELECT 1 FROM email_log WHERE user_id = %s AND link_purpose IS NOT NULL AND link_void_at IS NULL", user_id
    )


def noted(desk, user_id):
    return len(desk.rows("SELECT 1 FROM authority_changes WHERE kind = 'user' AND entity_id = %s", str(user_id)))


def test_create_makes_the_user_with_roles_and_a_welcome_mail_in_one_transaction(desk):
    outcome = desk.create("emp-1", profile={"name": "Ada L."}, roles=["member", "editor"])
    user = desk.user("emp-1")
    assert (outcome.state, outcome.user_id) == ("applied", user["id"])
    assert (user["email"], user["status"], user["profile"]) == ("emp-1@example.com", "active", {"name": "Ada L."})
    assert user["email_verified_at"] is None
    held = desk.rows("SELECT name FROM role_bindings JOIN roles ON roles.id = role_id WHERE user_id = %s", user["id"])
    assert {row["name"] for row in held} == {"member", "editor"}
    (mail,) = desk.rows("SELECT * FROM email_log")
    assert (mail["user_id"], mail["template"], mail["state"]) == (user["id"], "welcome", "queued")
    assert mail["link_purpose"] == "set_password"
    assert timedelta(days=6) < mail["link_expires_at"] - utc_now() <= timedelta(days=7)
    assert noted(desk, user["id"]) == 1
    types = [event["type"] for event in desk.events()]
    assert sorted(types) == ["command.applied", "email.requested", "user.created", "user.roles_assigned"]
    assert {event["actor"] for event in desk.events()} == {f"sender:{BACKEND}"}


def test_personal_fields_stand_in_events_only_encrypted(desk, subject_keys):
    desk.create("emp-secret", profile={"name": "Grace Hopper"})
    envelopes = " ".join(row["envelope"] for row in desk.rows("SELECT envelope FROM outbox"))
    for personal in ("emp-secret", "Grace", "example.com"):
        assert personal not in envelopes
    (event,) = desk.events("user.created")
    key = subject_keys.get_or_create(desk.connection, event["subject"])
    told = json.loads(key.decrypt(event["event_id"], event["personal"]))
    assert told["email"] == "emp-secret@example.com"
    assert told["profile"]["name"] == "Grace Hopper"


def test_create_without_welcome_sends_no_mail_and_can_be_verified_already(desk):
    desk.create("emp-2", send_welcome=False, email_verified=True)
    assert not desk.rows("SELECT 1 FROM email_log")
    assert desk.user("emp-2")["email_verified_at"] is not None


def test_update_keeps_what_it_leaves_out_and_forgets_claims_that_are_null(desk):
    desk.create("emp-3", profile={"name": "A", "locale": "de", "nickname": "n"}, send_welcome=False)
    desk.command("user.update", "emp-3", {"profile": {"name": "B", "nickname": None}})
    user = desk.user("emp-3")
    assert user["profile"] == {"name": "B", "locale": "de"}
    assert user["email"] == "emp-3@example.com"
    assert user["version"] == 2
    assert desk.events("user.updated")[0]["payload"]["fields"] == ["profile"]


def test_a_new_address_is_unverified_and_voids_links_that_went_to_the_old_one(desk):
    desk.create("emp-4", email_verified=True)
    desk.command("user.update", "emp-4", {"email": "New@Example.org"})
    user = desk.user("emp-4")
    assert (user["email"], user["email_canonical"]) == ("New@Example.org", "new@example.org")
    assert user["email_verified_at"] is None
    welcome, verification = desk.rows("SELECT * FROM email_log ORDER BY id")
    assert welcome["link_void_at"] is not None
    assert (verification["template"], verification["link_purpose"]) == ("email_verification", "verify_email")
    assert verification["link_void_at"] is None


def test_an_update_that_changes_nothing_leaves_version_and_events_alone(desk):
    desk.create("emp-5", send_welcome=False)
    before = desk.user("emp-5")["version"]
    assert desk.command("user.update", "emp-5", {"email": "emp-5@example.com"}).state == "applied"
    assert desk.user("emp-5")["version"] == before
    assert not desk.events("user.updated")


def test_disable_ends_sessions_families_and_links_and_tells_token_cores(desk):
    user_id = desk.create("emp-6").user_id
    session, families = sign_in(desk, user_id)
    changes = noted(desk, user_id)
    assert desk.command("user.disable", "emp-6", {"reason": "left"}).state == "applied"
    assert desk.user("emp-6")["status"] == "disabled"
    assert_access_ended(desk, user_id)
    assert noted(desk, user_id) == changes + 1
    assert desk.hints[-1] == user_id
    assert [event["session_id"] for event in desk.events("session.ended")] == [str(session)]
    revoked = {event["payload"]["family_id"] for event in desk.events("token.revoked")}
    assert revoked == {str(family) for family in families}
    assert desk.events("user.disabled")[0]["payload"]["reason"] == "left"


def test_enable_lets_in_again_but_brings_no_session_back(desk):
    user_id = desk.create("emp-7").user_id
    sign_in(desk, user_id)
    desk.command("user.disable", "emp-7")
    desk.command("user.enable", "emp-7")
    assert desk.user("emp-7")["status"] == "active"
    assert_access_ended(desk, user_id)


def test_disabling_twice_is_disabling_once(desk):
    desk.create("emp-8")
    desk.command("user.disable", "emp-8")
    assert desk.command("user.disable", "emp-8").state == "applied"
    assert len(desk.events("user.disabled")) == 1


def test_roles_are_assigned_and_revoked_once_each(desk):
    user_id = desk.create("emp-9").user_id
    for _ in range(2):
        assert desk.command("user.assign_roles", "emp-9", {"roles": ["member", "editor"]}).state == "applied"
    assert len(desk.events("user.roles_assigned")) == 1
    for _ in range(2):
        assert desk.command("user.revoke_roles", "emp-9", {"roles": ["editor"]}).state == "applied"
    assert len(desk.events("user.roles_revoked")) == 1
    held = desk.rows("SELECT name FROM role_bindings JOIN roles ON roles.id = role_id WHERE user_id = %s", user_id)
    assert [row["name"] for row in held] == ["member"]


def test_erase_leaves_the_id_and_nothing_that_tells_who_it_was(desk, subject_keys):
    user_id = desk.create("emp-10", profile={"name": "Rosalind"}, roles=["member"]).user_id
    sign_in(desk, user_id)
    desk.connection.execute("INSERT INTO password_credentials VALUES (%s, 'hash', now())", (user_id,))
    desk.connection.execute(
        "INSERT INTO device_credentials (id, user_id, secret_hash) VALUES (%s, %s, 'x')", (new_id(), user_id)
    )
    assert desk.command("user.erase", "emp-10").state == "applied"
    (user,) = desk.rows("SELECT * FROM users WHERE id = %s", user_id)
    assert user["status"] == "erased"
    for column in ("email", "email_canonical", "external_id", "email_verified_at"):
        assert user[column] is None
    assert user["profile"] == {}
    for table in ("password_credentials", "device_credentials", "role_bindings", "consents"):
        assert not desk.rows(f"SELECT 1 FROM {table} WHERE user_id = %s", user_id)
    (key,) = desk.rows("SELECT * FROM subject_keys WHERE subject = %s", str(user_id))
    assert key["wrapped"] is None
    assert key["erased_at"] is not None
    assert_access_ended(desk, user_id)
    assert subject_keys.get_or_create(desk.connection, str(user_id)) is None
    everything = " ".join(str(desk.rows(f"SELECT * FROM {table}")) for table in ("inbox", "parked_commands", "users"))
    for personal in ("emp-10", "Rosalind", "example.com"):
        assert personal not in everything


def test_erase_is_idempotent_by_id_by_reference_and_when_redelivered(desk):
    user_id = desk.create("emp-11").user_id
    message = desk.message("user.erase", "emp-11")
    assert desk.take(message).user_id == user_id
    assert desk.take(message).is_repeat
    assert desk.command("user.erase", "emp-11").user_id == user_id
    assert desk.command("user.erase", {"id": str(user_id)}).state == "applied"
    assert len(desk.events("user.erased")) == 1
    assert not desk.parked()


def test_an_erased_persons_reference_and_address_can_be_somebody_elses(desk):
    first = desk.create("emp-12").user_id
    desk.command("user.erase", "emp-12")
    second = desk.create("emp-12")
    assert second.state == "applied"
    assert second.user_id != first


def test_a_command_may_name_the_user_by_id(desk):
    user_id = desk.create("emp-13").user_id
    assert desk.command("user.disable", {"id": str(user_id)}).state == "applied"
    assert desk.user("emp-13")["status"] == "disabled"


def test_the_same_command_has_one_effect_and_the_same_outcome_each_time(desk):
    message = desk.message("user.create", "emp-14", {"email": "emp-14@example.com"}, command_id="once")
    outcomes = [desk.take(message) for _ in range(3)]
    assert [outcome.is_repeat for outcome in outcomes] == [False, True, True]
    assert len({outcome.user_id for outcome in outcomes}) == 1
    assert len(desk.inbox("once")) == 1
    assert len(desk.events("user.created")) == len(desk.rows("SELECT 1 FROM email_log")) == 1


def test_command_ids_of_two_senders_do_not_collide(desk):
    desk.allow("AIDAOTHER", ["user.create"], [])
    one = desk.message("user.create", "a-1", {"email": "a-1@example.com"}, command_id="same")
    two = desk.message("user.create", "a-2", {"email": "a-2@example.com"}, command_id="same", sender="AIDAOTHER")
    assert [desk.take(one).state, desk.take(two).state] == ["applied", "applied"]


def test_the_session_name_of_role_credentials_does_not_matter(desk):
    message = desk.message("user.create", "b-1", {"email": "b-1@example.com"}, sender=f"{BACKEND}:lambda-7")
    assert desk.take(message).state == "applied"
    again = desk.raw(message.body, group="b-1", sender=f"{BACKEND}:lambda-8")
    assert desk.take(again).is_repeat


def test_every_outcome_is_told_to_the_sender_again_at_each_delivery(desk):
    message = desk.message("user.create", "emp-15", {"email": "emp-15@example.com"})
    desk.take(message)
    desk.take(message)
    assert [reply.state for reply in desk.replies] == ["applied", "applied"]


@pytest.mark.parametrize("email", ["Emp@Example.com", "emp@EXAMPLE.COM"])
def test_two_spellings_of_an_address_are_one_address(desk, email):
    desk.create("c-1", email="emp@example.com")
    assert desk.create("c-2", email=email).reason == "email_taken"
