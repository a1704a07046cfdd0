"""Users, roles and bindings through the admin API: whole lives, lost updates, repetitions, and what nobody may."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from tests.fixtures.administration import AUDIENCE, ORDERS


async def create(admin, **body):
    made = await admin.send("POST", "/users", {"email": f"{uuid.uuid4().hex[:10]}@example.com"} | body)
    assert made.status_code == 201, made.text
    return made


async def test_nobody_gives_a_role_that_carries_what_they_do_not_hold(admin):
    assigner = admin.person("roles:assign", "users:read", "users:write")
    target = admin.person()
    for who in (target, assigner):
        refused = await admin.send("POST", f"/users/{who}/roles", {"roles": ["clerk"]}, by=assigner)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_held")
        assert refused.json()["errors"] == [{"field": "roles", "problem": f"needs orders:read at {ORDERS}"}]
    refused = await admin.send("POST", "/users", {"email": "new@example.com", "roles": ["clerk"]}, by=assigner)
    assert refused.status_code == 403
    holder = admin.person("roles:assign", roles=("clerk",))
    given = await admin.send("POST", f"/users/{target}/roles", {"roles": ["clerk"]}, by=holder)
    assert given.json() == {"roles": ["clerk"]}


async def test_nobody_writes_a_role_that_carries_what_they_do_not_hold(admin):
    writer = admin.person("roles:write", "roles:read")
    wanted = [{"audience": AUDIENCE, "name": "users:erase"}]
    refused = await admin.send("POST", "/roles", {"name": "mine", "permissions": wanted}, by=writer)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_held")
    mine = await admin.send("POST", "/roles", {"name": "mine"}, by=writer)
    assert mine.status_code == 201
    more = await admin.send("PATCH", "/roles/mine", {"permissions": wanted}, by=writer, match=mine)
    assert more.status_code == 403
    theirs = await admin.get("/roles/clerk")
    for method, body in (("PATCH", {"permissions": []}), ("DELETE", None)):
        refused = await admin.send(method, "/roles/clerk", body, by=writer, match=theirs)
        assert refused.status_code == 403, "nor takes away what they don't hold"


async def test_a_narrow_token_grants_no_more_than_it_carries(admin):
    narrow = ["roles:write"]
    body = {"name": "wide", "permissions": [{"audience": AUDIENCE, "name": "users:erase"}]}
    answer = await admin.client.post("/roles", json=body, headers=admin.headers(narrow))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_held")


async def test_nobody_changes_a_user_who_holds_what_they_do_not_hold(admin):
    weak = admin.person("users:write", "users:read", "users:erase")
    strong = admin.subject
    match = await admin.get(f"/users/{strong}")
    for method, path, body in (
        ("PATCH", "", {"email": "taken-over@example.com"}),
        ("POST", "/disable", {}),
        ("POST", "/enable", None),
        ("POST", "/erase", None),
        ("POST", "/mails", {"template": "password_reset"}),
    ):
        refused = await admin.send(method, f"/users/{strong}{path}", body, by=weak, match=match)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_held"), path


async def test_a_disabled_administrator_can_do_nothing_from_that_moment(admin):
    other = admin.person("users:read")
    assert (await admin.send("GET", "/users", by=other)).status_code == 200
    assert (await admin.send("POST", f"/users/{other}/disable", {})).status_code == 200
    refused = await admin.send("GET", "/users", by=other)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


async def test_a_users_whole_life_is_in_the_api_the_tables_and_the_events(admin, desk):
    made = await create(admin, email="Ada@Example.com", external_id="ada", profile={"name": "Ada"})
    user_id = made.json()["id"]
    assert made.headers["location"] == f"/users/{user_id}"
    changed = await admin.send("PATCH", f"/users/{user_id}", {"profile": {"nickname": "A"}}, match=made)
    assert changed.json()["profile"] == {"name": "Ada", "nickname": "A"}
    moved = await admin.send("PATCH", f"/users/{user_id}", {"email": "new@example.com"}, match=changed)
    assert (moved.json()["email"], moved.json()["email_verified"]) == ("new@example.com", False)
    assert (await admin.send("POST", f"/users/{user_id}/roles", {"roles": ["member"]})).status_code == 200
    assert (await admin.send("DELETE", f"/users/{user_id}/roles/member")).json() == {"roles": []}
    disabled = await admin.send("POST", f"/users/{user_id}/disable", {"reason": "left"})
    assert disabled.json()["status"] == "disabled"
    mail = await admin.send("POST", f"/users/{user_id}/mails", {"template": "password_reset"})
    assert mail.status_code == 409
    enabled = await admin.send("POST", f"/users/{user_id}/enable")
    mail = await admin.send("POST", f"/users/{user_id}/mails", {"template": "password_reset"})
    assert mail.status_code == 202
    row = desk.rows("SELECT template, link_purpose FROM email_log WHERE id = %s", mail.json()["email_id"])
    assert row == [{"template": "password_reset", "link_purpose": "set_password"}]
    erased = await admin.send("POST", f"/users/{user_id}/erase", match=enabled)
    assert (erased.json()["status"], erased.json()["email"], erased.json()["profile"]) == ("erased", None, {})
    assert (await admin.send("POST", f"/users/{user_id}/erase")).status_code == 200
    assert (await admin.send("POST", f"/users/{user_id}/enable")).status_code == 409
    told = [event["type"] for event in desk.events() if event["subject"] == user_id]
    assert told == [
        "user.created", "email.requested", "user.updated", "user.updated", "user.roles_assigned",
        "user.roles_revoked", "user.disabled", "user.enabled", "email.requested", "user.erased",
    ]  # fmt: skip
    assert {event["actor"] for event in desk.events() if event["subject"] == user_id} == {admin.subject}
    assert "@example.com" not in str(desk.rows("SELECT envelope FROM outbox")).lower()


async def test_two_administrators_never_overwrite_each_other_unknowingly(admin):
    made = await create(admin)
    path = f"/users/{made.json()['id']}"
    missing = await admin.send("PATCH", path, {"profile": {"name": "X"}})
    assert (missing.status_code, missing.json()["errors"][0]["field"]) == (428, "If-Match")
    both = await asyncio.gather(
        *(admin.send("PATCH", path, {"profile": {"name": f"N{n}"}}, match=made) for n in range(4))
    )
    assert sorted(answer.status_code for answer in both) == [200, 412, 412, 412]
    assert (await admin.send("PATCH", path, {"profile": {}}, match="*")).status_code == 412


async def test_a_create_repeated_after_a_lost_answer_has_one_effect(admin, desk):
    body = {"email": "once@example.com"}
    answers = await asyncio.gather(
        *(admin.send("POST", "/users", body, idempotency_key="key-00000001") for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 3
    assert len(desk.rows("SELECT 1 FROM users WHERE email_canonical = 'once@example.com'")) == 1
    other = await admin.send("POST", "/users", {"email": "two@example.com"}, idempotency_key="key-00000001")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    somebody = admin.person("users:write")
    theirs = await admin.send("POST", "/users", body, by=somebody, idempotency_key="key-00000001")
    assert theirs.status_code == 409, "a key is its caller's own"
    assert (await admin.send("POST", "/users", body, idempotency_key="x")).status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "a@example.com", "profile": {"shoe_size": 43}}, "profile.shoe_size"),
        ({"email": "a@example.com", "profile": {"name": 7}}, "profile.name"),
        ({"email": "a@example.com", "roles": ["not-there"]}, "roles"),
        ({"email": "a@example.com", "admin": True}, "admin"),
        ({"email": "a@example.com", "external_id": "a b"}, "external_id"),
    ],
)
async def test_a_bad_user_gets_a_problem_that_names_the_field(admin, body, field):
    answer = await admin.send("POST", "/users", body)
    assert answer.status_code == 400, answer.text
    assert field in [entry["field"] for entry in answer.json()["errors"]]


async def test_what_is_taken_is_a_conflict_that_names_the_field(admin):
    made = await create(admin, email="taken@example.com", external_id="taken")
    other = await create(admin)
    for body, field in (({"email": "TAKEN@example.com"}, "email"), ({"external_id": "taken"}, "external_id")):
        answer = await admin.send("PATCH", f"/users/{other.json()['id']}", body, match=other)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, field)
    again = await admin.send("POST", "/users", {"email": "taken@example.com"})
    assert again.status_code == 409
    assert made.json()["version"] == 1


async def test_users_are_found_by_status(admin):
    made = (await create(admin)).json()["id"]
    await admin.send("POST", f"/users/{made}/disable", {})
    assert [user["id"] for user in (await admin.get("/users", status="disabled")).json()["items"]] == [made]
    assert (await admin.get("/users", status="gone")).status_code == 400


async def test_a_roles_whole_life(admin, desk):
    permissions = [{"audience": AUDIENCE, "name": name} for name in ("users:read", "roles:read")]
    made = await admin.send("POST", "/roles", {"name": "auditor", "description": "Looks", "permissions": permissions})
    assert (made.status_code, len(made.json()["permissions"])) == (201, 2)
    holder = admin.person("users:write")
    await admin.send("POST", f"/users/{holder}/roles", {"roles": ["auditor"]})
    assert (await admin.send("GET", "/users", by=holder)).status_code == 200
    less = await admin.send("PATCH", "/roles/auditor", {"permissions": permissions[1:]}, match=made)
    assert less.json()["permissions"] == permissions[1:]
    assert (await admin.send("GET", "/users", by=holder)).status_code == 403
    assert (await admin.send("DELETE", "/roles/auditor", match=made)).status_code == 412
    assert (await admin.send("DELETE", "/roles/auditor", match=less)).status_code == 204
    assert (await admin.get("/roles/auditor")).status_code == 404
    assert (await admin.send("GET", "/roles", by=holder)).status_code == 403
    told = [event["type"] for event in desk.events() if event["subject"] == "role:auditor"]
    assert told == ["role.created", "role.updated", "role.deleted"]
