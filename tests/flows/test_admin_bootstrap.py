"""The first administrator: made once, by whoever can reach the database, and by nobody ever after."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from functions.admin_api.permissions import ADMIN_PERMISSIONS
from tests.fixtures.provisioning import PSEUDONYM_KEY


@pytest.fixture
def bootstrap(desk, cloud, kms_key):
    from base64 import urlsafe_b64encode

    def start(email="first@example.com"):
        environment = cloud.environment | {
            "DATABASE_URL": desk.dsn,
            "KMS_DATA_KEY_ID": kms_key,
            "PSEUDONYM_KEY": urlsafe_b64encode(PSEUDONYM_KEY).decode(),
            "ADMIN_API_AUDIENCE": "https://admin.example.com",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "functions.admin_api.bootstrap", "--email", email],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def test_of_two_that_run_at_once_one_makes_the_first_administrator(bootstrap, desk):
    running = [bootstrap("one@example.com"), bootstrap("two@example.com")]
    said = [process.communicate(timeout=60) for process in running]
    assert sorted(process.returncode for process in running) == [0, 1], said
    (user,) = desk.rows("SELECT id FROM users")
    held = desk.rows(
        "SELECT p.name FROM role_bindings b JOIN role_permissions rp ON rp.role_id = b.role_id"
        " JOIN permissions p ON p.id = rp.permission_id WHERE b.user_id = %s",
        user["id"],
    )
    assert {row["name"] for row in held} == set(ADMIN_PERMISSIONS)
    assert [row["state"] for row in desk.rows("SELECT state FROM signing_keys")] == ["active", "active"]
    assert desk.rows("SELECT template FROM email_log") == [{"template": "welcome"}]
    (event,) = desk.events("platform.bootstrapped")
    assert event["payload"]["user_id"] == str(user["id"])


def test_it_stays_closed_when_that_administrator_is_gone(bootstrap, desk):
    assert bootstrap().wait(60) == 0
    desk.connection.execute("DELETE FROM users")
    again = bootstrap("other@example.com")
    _, error = again.communicate(timeout=60)
    assert (again.returncode, error.split(":")[0]) == (1, "closed")
    assert desk.rows("SELECT 1 FROM users") == []


def test_an_address_that_is_none_changes_nothing_and_leaves_it_open(bootstrap, desk):
    assert bootstrap("no address").wait(60) == 1
    assert desk.rows("SELECT 1 FROM platform_instants") == []
    assert desk.rows("SELECT 1 FROM roles WHERE name = 'administrator'") == []
    assert json.dumps(desk.events()) == "[]"
    assert bootstrap().wait(60) == 0
