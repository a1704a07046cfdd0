"""Commands about clients, roles, permissions and APIs: what a sender's policy holds, no more, and no secret in a queue."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest

from functions.provision_user.secret_keeper import SecretsManagerKeeper
from shared.clock import utc_now
from shared.secret_format import sha256
from tests.fixtures.provisioning import BACKEND

STOCK, ORDERS = "https://stock.example.com", "https://orders.example.com"
COMMANDS = [
    "client.register", "client.update", "role.create", "role.update", "permission.create", "resource_server.create",
    "resource_server.update",
]  # fmt: skip


class Registry:
    """A sender who may register the stock API, its roles, and clients that hold them."""

    def __init__(self, desk, secrets):
        self.desk, self.secrets = desk, secrets
        self.prefix = f"{uuid.uuid4().hex}/"
        desk.services = replace(desk.services, keep_secret=SecretsManagerKeeper(secrets))
        desk.allow(BACKEND, COMMANDS, ["stock-reader", "member"])
        desk.connection.execute(
            "UPDATE sender_policies SET audiences = %s, scopes = %s, secret_prefix = %s WHERE sender_id = %s",
            ([STOCK], ["stock"], self.prefix, BACKEND),
        )

    def send(self, command_type, group="registry", command_id=None, **payload):
        body = {"command_id": command_id or f"c-{uuid.uuid4()}", "type": command_type, "version": 1}
        body |= {"issued_at": utc_now().isoformat(), "payload": payload}
        return self.desk.take(self.desk.raw(json.dumps(body), group=group))

    def reason(self, command_type, **payload):
        before = self.desk.rows("SELECT (SELECT count(*) FROM clients) AS c, (SELECT count(*) FROM roles) AS r")
        outcome = self.send(command_type, **payload)
        assert before == self.desk.rows("SELECT (SELECT count(*) FROM clients) AS c, (SELECT count(*) FROM roles) AS r")
        return outcome.state, str(outcome.reason)

    def stock(self):
        self.send("resource_server.create", audience=STOCK, name="Stock")
        self.send("permission.create", audience=STOCK, name="stock:read")
        self.send("role.create", name="stock-reader", permissions=[{"audience": STOCK, "name": "stock:read"}])


@pytest.fixture
def registry(desk, cloud):
    return Registry(desk, cloud.client("secretsmanager"))


def test_a_senders_policy_is_the_end_of_what_it_registers(registry, desk):
    registry.stock()
    desk.add_role("owner-of-all")
    refused = [
        ("resource_server.create", {"audience": ORDERS, "name": "Orders"}, "not_grantable"),
        ("permission.create", {"audience": ORDERS, "name": "orders:read"}, "not_grantable"),
        ("role.create", {"name": "boss"}, "role_not_grantable"),
        ("role.update", {"name": "owner", "description": "mine"}, "role_not_grantable"),
        (
            "role.update",
            {"name": "member", "permissions": [{"audience": ORDERS, "name": "orders:read"}]},
            "not_grantable",
        ),
        ("client.register", {"client_id": "c", "name": "C", "roles": ["owner"]}, "role_not_grantable"),
        ("client.register", {"client_id": "c", "name": "C", "allowed_scopes": ["admin"]}, "not_grantable"),
    ]
    for command_type, payload, reason in refused:
        assert registry.reason(command_type, **payload) == ("rejected", reason), command_type


def test_a_client_that_can_get_more_than_the_policy_holds_is_not_changed(registry, desk):
    desk.connection.execute(
        "INSERT INTO clients (id, client_id, name, client_type, token_endpoint_auth_method) VALUES"
        " (gen_random_uuid(), 'strong', 'Strong', 'confidential', 'client_secret_basic')"
    )
    desk.connection.execute(
        "INSERT INTO role_bindings (id, role_id, client_id, granted_by)"
        " SELECT gen_random_uuid(), r.id, c.id, 'test' FROM roles r, clients c WHERE r.name = 'owner'"
    )
    assert registry.reason("client.update", client_id="strong", redirect_uris=["https://evil.example"]) == (
        "rejected",
        "role_not_grantable",
    )


def test_a_machine_secret_goes_where_the_policy_says_and_nowhere_else(registry, desk):
    registry.stock()
    command_id = "c-machine"
    payload = {"client_id": "sync", "name": "Sync", "grant_types": ["client_credentials"], "roles": ["stock-reader"]}
    outcome = registry.send("client.register", command_id=command_id, **payload)
    assert outcome.state == "applied", outcome
    kept = json.loads(registry.secrets.get_secret_value(SecretId=f"{registry.prefix}sync")["SecretString"])
    (row,) = desk.rows("SELECT hash FROM client_secrets")
    assert (kept["client_id"], sha256(kept["client_secret"])) == ("sync", bytes(row["hash"]))
    everything = str(desk.rows("SELECT * FROM outbox")) + str(desk.rows("SELECT * FROM inbox")) + str(desk.replies)
    assert kept["client_secret"] not in everything
    again = registry.send("client.register", **payload)
    assert (again.state, str(again.reason)) == ("rejected", "already_exists")
    same = json.loads(registry.secrets.get_secret_value(SecretId=f"{registry.prefix}sync")["SecretString"])
    assert same == kept
    told = [event["type"] for event in desk.events() if event["subject"] == "client:sync"]
    assert told == ["client.created", "client.roles_assigned", "client.secret_issued"]
    assert {event["actor"] for event in desk.events("client.created")} == {f"sender:{BACKEND}"}


def test_without_a_place_for_secrets_only_public_clients_are_registered(registry, desk):
    desk.connection.execute("UPDATE sender_policies SET secret_prefix = NULL")
    assert registry.reason("client.register", client_id="c", name="C") == ("rejected", "not_allowed")
    app = {"client_id": "app", "name": "App", "client_type": "public", "grant_types": ["authorization_code"]}
    outcome = registry.send("client.register", **app, redirect_uris=["http://127.0.0.1/callback"])
    assert outcome.state == "applied", outcome
    assert desk.rows("SELECT 1 FROM client_secrets") == []


def test_a_refusal_half_way_takes_back_the_half(registry, desk):
    desk.allow(BACKEND, COMMANDS, ["not-there"])
    outcome = registry.send("client.register", client_id="half", name="Half", roles=["not-there"])
    assert (outcome.state, str(outcome.reason)) == ("rejected", "unknown_name")
    assert desk.rows("SELECT 1 FROM clients") == []
    assert desk.events("client.created") == []


def test_what_is_registered_can_be_changed(registry, desk):
    registry.stock()
    registry.send("client.register", client_id="sync", name="Sync", grant_types=["client_credentials"])
    assert registry.send("client.update", client_id="sync", status="disabled", name="Sync 2").state == "applied"
    (row,) = desk.rows("SELECT name, status FROM clients")
    assert row == {"name": "Sync 2", "status": "disabled"}
    assert registry.send("role.update", name="stock-reader", permissions=[]).state == "applied"
    assert desk.rows("SELECT 1 FROM role_permissions") == []
    assert registry.send("resource_server.update", audience=STOCK, name="Store").state == "applied"
    assert desk.rows("SELECT name FROM resource_servers") == [{"name": "Store"}]


@pytest.mark.parametrize(
    ("command_type", "payload", "reason"),
    [
        ("client.register", {"client_id": "c", "name": "C", "client_secret": "mine"}, "invalid_field"),
        ("client.register", {"client_id": "c", "name": "C", "redirect_uris": ["http://x.example"]}, "invalid_field"),
        ("client.update", {"client_id": "nobody"}, "unknown_name"),
        ("permission.create", {"audience": STOCK, "name": "stock:read"}, "unknown_name"),
        ("permission.create", {"audience": STOCK, "name": "no colon"}, "invalid_field"),
        ("role.update", {"name": "stock-reader"}, "unknown_name"),
    ],
)
def test_a_bad_registry_command_is_rejected_with_its_reason_and_holds_nobody_up(
    registry, desk, command_type, payload, reason
):
    assert registry.reason(command_type, **payload) == ("rejected", reason)
    assert desk.parked() == []


def test_registry_commands_keep_one_order(registry):
    assert str(registry.send("role.create", group="elsewhere", name="member").reason) == "group_mismatch"


def test_a_sender_whose_policy_lists_none_registers_nothing(registry, desk):
    desk.allow(BACKEND, ["user.create"], ["stock-reader"])
    for command_type in COMMANDS:
        assert registry.send(command_type).state == "rejected"
    assert {row["reason"] for row in desk.rows("SELECT reason FROM inbox")} == {"not_allowed"}
