"""The admin API: this platform's own tokens, keyset pages, command status, and decisions about parked commands."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from resource_server import KeysUnavailableError
from shared.clock import unix_now
from tests.fixtures.administration import ALL, ISSUER, token
from tests.fixtures.provisioning import ADMIN_API, BACKEND


async def test_a_live_process_is_live_and_ready_names_each_dependency(admin):
    assert (await admin.client.get("/health/live")).json() == {"status": "up"}
    ready = await admin.client.get("/health/ready")
    assert (ready.status_code, ready.json()["dependencies"]) == (200, {"postgres": "up", "issuer_keys": "up"})


async def test_users_come_in_keyset_pages_each_once(admin, desk):
    made = [str(desk.create(f"a-{number}", send_welcome=False).user_id) for number in range(5)]
    seen, cursor = [], None
    while True:
        page = (await admin.get("/users", limit=2, **({"after": cursor} if cursor else {}))).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [user for user in seen if user in made] == made
    assert len(seen) == len(set(seen))


async def test_one_user_is_found_by_id_address_or_reference(admin, desk):
    user_id = str(desk.create("a-1", roles=["member"], send_welcome=False).user_id)
    found = await admin.get(f"/users/{user_id}")
    assert found.json()["roles"] == ["member"]
    assert found.headers["etag"] == '"1"'
    for query in ({"email": "A-1@Example.com"}, {"external_id": "a-1"}):
        assert [item["id"] for item in (await admin.get("/users", **query)).json()["items"]] == [user_id]
    assert (await admin.get("/users", email="nobody@example.com")).json()["items"] == []


async def test_a_commands_status_can_be_asked(admin, desk):
    outcome = desk.create("a-1")
    status = (await admin.get(f"/commands/{BACKEND}/{outcome.command_id}")).json()
    assert (status["state"], status["user_id"], status["refused_reuses"]) == ("applied", str(outcome.user_id), 0)
    desk.command("user.erase", "a-1", command_id=outcome.command_id)
    assert (await admin.get(f"/commands/{BACKEND}/{outcome.command_id}")).json()["refused_reuses"] == 1
    assert (await admin.get(f"/commands/{BACKEND}/none")).status_code == 404


async def test_a_redrive_goes_through_the_users_own_queue_and_is_applied_there(admin, desk):
    desk.create("a-1", send_welcome=False)
    desk.command("user.assign_roles", "a-1", {"roles": ["not-there-yet"]})
    desk.command("user.update", "a-1", {"profile": {"name": "Later"}})
    (parked,) = (await admin.get("/parked-commands")).json()["items"]
    assert [row["state"] for row in (await admin.get("/parked-commands", group="a-1")).json()["items"]] == [
        "parked",
        "waiting",
    ]
    assert "not-there-yet" in (await admin.get(f"/parked-commands/{parked['id']}")).json()["body"]
    desk.add_role("not-there-yet")
    accepted = await admin.post(f"/parked-commands/{parked['id']}/redrive")
    assert accepted.status_code == 202
    (message,) = admin.taken()
    assert message["Attributes"]["MessageGroupId"] == "a-1"
    outcome = desk.take(desk.raw(message["Body"], group="a-1", sender=f"{ADMIN_API}:lambda"))
    assert outcome.command_id == accepted.json()["command_id"]
    assert outcome.state == "applied"
    after = (await admin.get(f"/parked-commands/{parked['id']}")).json()
    assert (after["state"], after["resolved_by"]) == ("redriven", admin.subject)
    assert desk.user("a-1")["profile"] == {"name": "Later"}
    (event,) = desk.events("command.redriven")
    assert (event["actor"], event["request_id"]) == (admin.subject, "request-0001")
    assert (await admin.post(f"/parked-commands/{parked['id']}/dismiss")).status_code == 409


async def test_a_waiting_command_is_not_redriven_but_can_be_dismissed(admin, desk):
    desk.command("user.disable", "nobody")
    desk.command("user.enable", "nobody")
    waiting = desk.parked()[1]["id"]
    assert (await admin.post(f"/parked-commands/{waiting}/redrive")).status_code == 409
    assert (await admin.post(f"/parked-commands/{waiting}/dismiss")).status_code == 202


async def test_policies_can_be_read(admin):
    page = (await admin.get("/sender-policies")).json()
    assert {item["sender"] for item in page["items"]} == {BACKEND, ADMIN_API, "AIDAHELPDESKHELPDESKHE"}
    assert (await admin.get(f"/sender-policies/{BACKEND}")).json()["roles"] == ["member", "editor", "not-there-yet"]
    assert (await admin.get("/sender-policies/AROANONE")).status_code == 404


NOBODY = "0190f3a4-6c1e-7b2a-9d3e-5f6071829300"  # fixed: test workers have to collect the same names
GUARDED = [
    ("GET", "/users", "users:read"),
    ("GET", f"/users/{uuid.uuid4()}", "users:read"),
    ("POST", "/users", "users:write"),
    ("PATCH", f"/users/{uuid.uuid4()}", "users:write"),
    ("POST", f"/users/{uuid.uuid4()}/disable", "users:write"),
    ("POST", f"/users/{uuid.uuid4()}/enable", "users:write"),
    ("POST", f"/users/{uuid.uuid4()}/erase", "users:erase"),
    ("POST", f"/users/{uuid.uuid4()}/mails", "users:write"),
    ("POST", f"/users/{uuid.uuid4()}/roles", "roles:assign"),
    ("DELETE", f"/users/{uuid.uuid4()}/roles/clerk", "roles:assign"),
    ("POST", "/clients/web/roles", "roles:assign"),
    ("DELETE", "/clients/web/roles/clerk", "roles:assign"),
    ("GET", f"/users/{uuid.uuid4()}/sessions", "sessions:read"),
    ("DELETE", f"/sessions/{uuid.uuid4()}", "sessions:end"),
    ("GET", f"/users/{uuid.uuid4()}/refresh-families", "sessions:read"),
    ("DELETE", f"/refresh-families/{uuid.uuid4()}", "sessions:end"),
    ("GET", f"/users/{uuid.uuid4()}/consents", "sessions:read"),
    ("DELETE", f"/users/{uuid.uuid4()}/consents/web", "sessions:end"),
    ("POST", f"/users/{uuid.uuid4()}/sign-out", "sessions:end"),
    ("POST", "/clients/web/sign-out", "sessions:end"),
    ("POST", "/platform/sign-out", "platform:sign-out"),
    ("GET", "/roles", "roles:read"),
    ("GET", "/roles/clerk", "roles:read"),
    ("POST", "/roles", "roles:write"),
    ("PATCH", "/roles/clerk", "roles:write"),
    ("DELETE", "/roles/clerk", "roles:write"),
    ("GET", "/resource-servers", "apis:read"),
    ("GET", f"/resource-servers/{uuid.uuid4()}", "apis:read"),
    ("POST", "/resource-servers", "apis:write"),
    ("PATCH", f"/resource-servers/{uuid.uuid4()}", "apis:write"),
    ("POST", f"/resource-servers/{uuid.uuid4()}/permissions", "apis:write"),
    ("DELETE", f"/resource-servers/{uuid.uuid4()}/permissions/a:b", "apis:write"),
    ("POST", f"/resource-servers/{uuid.uuid4()}/scopes", "apis:write"),
    ("PATCH", f"/resource-servers/{uuid.uuid4()}/scopes/a", "apis:write"),
    ("DELETE", f"/resource-servers/{uuid.uuid4()}/scopes/a", "apis:write"),
    ("GET", "/clients", "clients:read"),
    ("GET", "/clients/web", "clients:read"),
    ("POST", "/clients", "clients:write"),
    ("PATCH", "/clients/web", "clients:write"),
    ("POST", "/clients/web/secrets", "clients:secrets"),
    ("POST", "/clients/web/secrets/rotate", "clients:secrets"),
    ("DELETE", f"/clients/web/secrets/{uuid.uuid4()}", "clients:secrets"),
    ("GET", "/signing-keys", "keys:read"),
    ("GET", "/signing-keys/k1", "keys:read"),
    ("POST", "/signing-keys", "keys:rotate"),
    ("POST", "/signing-keys/k1/activate", "keys:rotate"),
    ("POST", "/signing-keys/k1/withdraw", "keys:rotate"),
    ("GET", "/commands/AROA/c-1", "commands:read"),
    ("GET", "/parked-commands", "commands:read"),
    ("GET", f"/parked-commands/{uuid.uuid4()}", "commands:read"),
    ("PUT", f"/parked-commands/{uuid.uuid4()}/body", "commands:edit"),
    ("POST", f"/parked-commands/{uuid.uuid4()}/redrive", "commands:redrive"),
    ("POST", f"/parked-commands/{uuid.uuid4()}/dismiss", "commands:dismiss"),
    ("GET", "/sender-policies", "policies:read"),
    ("GET", "/sender-policies/AROA", "policies:read"),
    ("GET", "/audit/events", "audit:read"),
]


async def test_every_route_wants_its_permission_and_challenges_by_rfc_6750(admin):
    for method, path, permission in GUARDED:
        without = [name for name in ALL if name != permission]
        refused = await admin.client.request(method, path, headers=admin.headers(without))
        assert refused.status_code == 403, (method, path)
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
        nothing = await admin.client.request(method, path)
        assert (nothing.status_code, nothing.headers["www-authenticate"]) == (401, 'Bearer realm="admin"')
        for bad in ("x", token(admin.subject, aud=ISSUER), token(admin.subject, exp=unix_now() - 60)):
            answer = await admin.client.request(method, path, headers={"authorization": f"Bearer {bad}"})
            assert answer.status_code == 401
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_permission_in_the_token_that_its_bearer_lost_opens_nothing(admin):
    less = admin.person("users:read")
    for method, path, permission in GUARDED:
        answer = await admin.client.request(method, path, headers=admin.headers(subject=less))
        assert (answer.status_code == 403) is (permission != "users:read"), (method, path, answer.status_code)


async def test_the_table_above_has_every_route(admin):
    routes = {(method, route.path) for route in _routes(admin) for method in route.methods}
    ours = {(method, path) for method, path in routes if not path.startswith(("/health", "/openapi"))}
    assert len({(m, p) for m, p in ours if m != "HEAD"}) == len(GUARDED)


def _routes(admin):
    def walk(routes):
        for route in routes:
            if hasattr(route, "methods") and route.methods:
                yield route
            else:
                yield from walk(
                    getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", [])
                )

    return walk(admin.client._transport.app.routes)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/users", {"limit": 0}, "limit"),
        ("/users", {"limit": "many"}, "limit"),
        ("/users", {"after": "%%%"}, "after"),
        ("/users", {"after": "AAAA"}, "after"),
        ("/users", {"email": "\x00@example.com"}, "email"),
        ("/users", {"external_id": "a\x00b"}, "external_id"),
        ("/users/not-a-uuid", {}, "user_id"),
        ("/parked-commands", {"after": "LTE"}, "after"),
        ("/parked-commands", {"group": "\x00"}, "group"),
        ("/commands/AROA/%00", {}, "command_id"),
        ("/sender-policies/%00", {}, "sender"),
        ("/sender-policies", {"after": "AA"}, "after"),
    ],
)
async def test_bad_input_gets_a_problem_that_names_the_field(admin, path, query, field):
    answer = await admin.get(path, **query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in [entry["field"] for entry in answer.json()["errors"]]


async def test_what_is_not_there_is_a_problem_too(admin):
    for answer in (
        await admin.get("/nowhere"),
        await admin.post("/health/live"),
        await admin.get(f"/users/{uuid.uuid4()}"),
    ):
        assert answer.status_code in (404, 405)
        assert answer.json()["status"] == answer.status_code


async def test_every_answer_has_a_request_id_and_only_a_harmless_one_is_taken_over(admin):
    for given, is_kept in (("abcdefgh-1", True), ("short", False), ("x" * 65, False), ("bad id with spaces", False)):
        answer = await admin.client.get("/health/live", headers={"x-request-id": given})
        assert (answer.headers["x-request-id"] == given) is is_kept


async def test_while_postgres_is_down_the_answer_is_503_with_retry_after(admin, desk, postgres_server):
    (name,) = desk.connection.execute("SELECT current_database()").fetchone()
    with psycopg.connect(postgres_server.server.dsn(), autocommit=True) as above:
        above.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        above.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            answer = await admin.get("/users")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["code"] == "temporarily_unavailable"
            assert (await admin.client.get("/health/ready")).status_code == 503
            assert (await admin.client.get("/health/live")).status_code == 200
        finally:
            above.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert (await admin.get("/users")).status_code == 200


async def test_while_the_issuers_keys_cannot_be_had_the_answer_is_503_and_not_401(admin):
    async def fail(_):
        raise KeysUnavailableError("down")

    admin.keys.fetch = fail
    answer = await admin.get("/users")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
