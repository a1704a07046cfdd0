"""APIs, clients, secrets and keys through the admin API: whole lives, and what nobody may."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.clock import utc_now
from shared.secret_format import sha256
from shared.signing_keys import creating_signing_key
from tests.fixtures.administration import AUDIENCE, ORDERS

WEB = {
    "client_id": "shop",
    "name": "Shop",
    "redirect_uris": ["https://shop.example.com/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "allowed_scopes": ["openid"],
}
MACHINE = {"client_id": "machine", "name": "Machine", "grant_types": ["client_credentials"]}


async def api(admin, audience="https://stock.example.com"):
    made = await admin.send("POST", "/resource-servers", {"audience": audience, "name": "Stock"})
    assert made.status_code == 201, made.text
    return f"/resource-servers/{made.json()['id']}", made


async def test_nobody_registers_a_client_that_could_get_what_they_do_not_hold(admin):
    weak = admin.person("clients:write", "clients:read", "clients:secrets")
    for scope in ("orders:read", "admin"):
        refused = await admin.send("POST", "/clients", WEB | {"allowed_scopes": [scope]}, by=weak)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_held"), scope
    refused = await admin.send("POST", "/clients", MACHINE | {"resource_server_audience": ORDERS}, by=weak)
    assert refused.status_code == 403


async def test_nobody_gets_a_secret_or_the_redirects_of_a_client_that_can_get_more(admin):
    weak = admin.person("clients:write", "clients:read", "clients:secrets", "roles:assign")
    clerk = admin.person("clients:write", "roles:assign", roles=("clerk",))
    assert (await admin.send("POST", "/clients", MACHINE, by=weak)).status_code == 201
    assert (await admin.send("POST", "/clients/machine/roles", {"roles": ["clerk"]}, by=weak)).status_code == 403
    assert (await admin.send("POST", "/clients/machine/roles", {"roles": ["clerk"]}, by=clerk)).status_code == 200
    for path in ("/clients/machine/secrets", "/clients/machine/secrets/rotate"):
        assert (await admin.send("POST", path, {}, by=weak)).status_code == 403
    now = await admin.get("/clients/machine")
    for change in ({"redirect_uris": ["https://evil.example"]}, {"status": "active"}, {"allowed_scopes": []}):
        assert (await admin.send("PATCH", "/clients/machine", change, by=weak, match=now)).status_code == 403
    stopped = await admin.send("PATCH", "/clients/machine", {"status": "disabled"}, by=weak, match=now)
    assert stopped.json()["status"] == "disabled", "stopping it is no power over it"
    assert (await admin.send("DELETE", "/clients/machine/roles/clerk", by=weak)).status_code == 403


async def test_the_admin_apis_own_permissions_and_scopes_are_not_to_be_changed(admin):
    (own,) = [one for one in (await admin.get("/resource-servers")).json()["items"] if one["audience"] == AUDIENCE]
    path = f"/resource-servers/{own['id']}"
    now = await admin.get(path)
    for method, rest, body in (
        ("POST", "/permissions", {"name": "users:own"}),
        ("DELETE", "/permissions/users:erase", None),
        ("POST", "/scopes", {"name": "admin2"}),
        ("PATCH", "/scopes/admin", {"permissions": []}),
        ("DELETE", "/scopes/admin", None),
    ):
        refused = await admin.send(method, path + rest, body, match=now)
        assert (refused.status_code, refused.json()["code"]) == (403, "fixed")


async def test_nobody_empties_or_deletes_a_scope_or_permission_that_they_do_not_hold(admin):
    weak = admin.person("apis:write", "apis:read")
    (orders,) = [one for one in (await admin.get("/resource-servers")).json()["items"] if one["audience"] == ORDERS]
    path = f"/resource-servers/{orders['id']}"
    now = await admin.get(path)
    for method, rest, body in (
        ("PATCH", "/scopes/orders:read", {"permissions": []}),
        ("DELETE", "/scopes/orders:read", None),
        ("DELETE", "/permissions/orders:read", None),
    ):
        refused = await admin.send(method, path + rest, body, by=weak, match=now)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_held"), rest
    put = {"name": "orders:own", "role": "clerk"}
    assert (await admin.send("POST", path + "/permissions", put, by=weak)).status_code == 400


async def test_an_apis_whole_life(admin, desk):
    boss = admin.person(*(["apis:read", "apis:write", "roles:read", "roles:write"]))
    mine = (await admin.send("POST", "/roles", {"name": "stock-lead"}, by=boss)).json()["name"]
    await admin.send("POST", f"/users/{boss}/roles", {"roles": [mine]})
    path, made = await api(admin)
    with_permission = await admin.send("POST", path + "/permissions", {"name": "stock:read", "role": mine}, by=boss)
    assert with_permission.status_code == 201, with_permission.text
    role = (await admin.get(f"/roles/{mine}")).json()
    assert role["permissions"] == [{"audience": "https://stock.example.com", "name": "stock:read"}]
    scoped = await admin.send("POST", path + "/scopes", {"name": "stock", "permissions": ["stock:read"]})
    assert scoped.json()["scopes"][0]["permissions"] == ["stock:read"]
    assert (await admin.send("PATCH", path, {"name": "Store"}, match=made)).status_code == 412
    renamed = await admin.send("PATCH", path, {"name": "Store"}, match=scoped)
    assert renamed.json()["name"] == "Store"
    carried = await admin.send("DELETE", path + "/permissions/stock:read", by=boss, match=renamed)
    assert (carried.status_code, carried.json()["code"]) == (409, "conflict")
    described = await admin.send("PATCH", path + "/scopes/stock", {"description": "S"}, by=boss, match=renamed)
    emptied = await admin.send("PATCH", path + "/scopes/stock", {"permissions": []}, by=boss, match=described)
    assert emptied.json()["scopes"] == [{"name": "stock", "description": "S", "permissions": []}]
    bare = await admin.send("DELETE", path + "/permissions/stock:read", by=boss, match=emptied)
    gone = await admin.send("DELETE", path + "/scopes/stock", by=boss, match=bare)
    assert (gone.json()["scopes"], gone.json()["permissions"]) == ([], [])
    told = [event["type"] for event in desk.events() if event["subject"] == "https://stock.example.com"]
    assert told == [
        "resource_server.created", "permission.created", "scope.created", "resource_server.updated", "scope.updated",
        "scope.updated", "permission.deleted", "scope.deleted",
    ]  # fmt: skip


async def test_a_clients_whole_life(admin, desk):
    made = await admin.send("POST", "/clients", WEB)
    assert (made.status_code, made.json()["roles"], made.json()["secrets"]) == (201, [], [])
    issued = await admin.send("POST", "/clients/shop/secrets", {}, idempotency_key="secret-0001")
    again = await admin.send("POST", "/clients/shop/secrets", {}, idempotency_key="secret-0001")
    assert issued.json()["secret"].startswith("ap_cs_")
    assert (again.json()["id"], again.json()["secret"]) == (issued.json()["id"], None), "shown once"
    stored = desk.rows("SELECT hash FROM client_secrets")
    assert [bytes(row["hash"]) for row in stored] == [sha256(issued.json()["secret"])]
    rotated = await admin.send("POST", "/clients/shop/secrets/rotate", {"overlap_seconds": 60})
    assert rotated.json()["secret"] not in (None, issued.json()["secret"])
    (old,) = desk.rows("SELECT expires_at FROM client_secrets WHERE id = %s", issued.json()["id"])
    assert utc_now() < old["expires_at"] < utc_now() + timedelta(seconds=70)
    assert (await admin.send("POST", "/clients/shop/secrets", {})).status_code == 409, "two are live"
    for _ in range(2):
        assert (await admin.send("DELETE", f"/clients/shop/secrets/{issued.json()['id']}")).status_code == 204
    changed = await admin.send("PATCH", "/clients/shop", {"name": "Store"}, match=made)
    assert changed.json()["name"] == "Store"
    assert (await admin.send("PATCH", "/clients/shop", {"name": "Shop"}, match=made)).status_code == 412
    assert (await admin.send("PATCH", "/clients/shop", {"status": "disabled"}, match=changed)).status_code == 200
    told = [event["type"] for event in desk.events() if event["subject"] == "client:shop"]
    assert told == [
        "client.created", "client.secret_issued", "client.secret_issued", "client.secret_revoked", "client.updated",
        "client.updated",
    ]  # fmt: skip
    assert issued.json()["secret"] not in str(desk.rows("SELECT envelope FROM outbox"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"redirect_uris": ["http://shop.example.com/cb"]}, "redirect_uris"),
        ({"redirect_uris": ["https://shop.example.com/cb#x"]}, "redirect_uris"),
        ({"redirect_uris": ["https://*.example.com/cb"]}, "redirect_uris"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"redirect_uris": ["https://user@shop.example.com/cb"]}, "redirect_uris"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"allowed_origins": ["https://shop.example.com/path"]}, "allowed_origins"),
        ({"grant_types": ["implicit"]}, "grant_types.0"),
        ({"grant_types": ["refresh_token"]}, "grant_types"),
        ({"client_type": "public"}, "token_endpoint_auth_method"),
        ({"allowed_scopes": ["nowhere"]}, "allowed_scopes"),
        ({"access_token_ttl_seconds": 999_999}, "access_token_ttl_seconds"),
        ({"client_id": "a b"}, "client_id"),
        ({"client_secret": "mine"}, "client_secret"),
    ],
)
async def test_a_bad_registration_gets_a_problem_that_names_the_field(admin, change, field):
    answer = await admin.send("POST", "/clients", WEB | change)
    assert answer.status_code == 400, answer.text
    assert field in [entry["field"] for entry in answer.json()["errors"]]


async def test_a_key_is_announced_before_it_signs_and_a_compromised_one_goes_at_once(admin, desk):
    first = admin.do(creating_signing_key(admin.services.data_keys, "ES256", "active", now=utc_now()))
    made = await admin.send("POST", "/signing-keys", {"algorithm": "ES256"})
    kid = made.json()["kid"]
    early = await admin.send("POST", f"/signing-keys/{kid}/activate", match=made)
    assert (early.status_code, early.json()["code"]) == (409, "too_early")
    admin.clock.append(utc_now() + timedelta(minutes=11))
    assert (await admin.send("POST", f"/signing-keys/{kid}/activate")).status_code == 428
    active = await admin.send("POST", f"/signing-keys/{kid}/activate", match=made)
    assert active.json()["state"] == "active", active.text
    states = {row["kid"]: row["state"] for row in (await admin.get("/signing-keys")).json()["items"]}
    assert states == {first: "retired", kid: "active"}
    gone = await admin.send("POST", f"/signing-keys/{kid}/withdraw", match=active)
    assert gone.json()["state"] == "compromised"
    rows = (await admin.get("/signing-keys")).json()["items"]
    assert [row["state"] for row in rows if row["kid"] not in (first, kid)] == ["active"], "another signs"
    told = [event["payload"].get("reason") for event in desk.events("signing_key.retired")]
    assert told == ["rotated", "compromised"]
