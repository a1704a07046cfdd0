"""What a part's config.py reads and what the stack gives it are the same names."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from local.stack import parts
from local.stack.functions import MAPPINGS, SCHEDULES
from local.stack.resources import Resources
from shared.config import PlatformSettings

# Read by boto3, Powertools, prometheus_client and TLS libraries themselves.
STANDARD = ("AWS_", "POWERTOOLS_", "PROMETHEUS_MULTIPROC_DIR", "SSL_CERT_FILE")


@pytest.fixture(scope="module")
def environments() -> dict[str, dict[str, str]]:
    ports = dict.fromkeys(("token_core", "admin_api", "aws", "clickhouse", "audit_relay"), 8400)
    addresses = parts.Addresses(ports, ca_file=Path("/ca.pem"), certificate=(Path("/c.pem"), Path("/k.pem")))
    secrets = dict.fromkeys(("platform_secret_access_key",), "secret")
    queues = dict.fromkeys(("audit", "email", "provisioning"), "https://queue.example/1")
    made = parts.Environments(addresses, secrets, Resources(queues, {}, "data-key", "manifest-key"))
    found = {
        "token_core": made.token_core(Path("/metrics")),
        "audit_relay": made.audit_relay(),
        "functions.admin_api": made.admin_api(),
    }
    return found | {f"functions.{name}": environment for name, environment in made.functions().items()}


ROOMS = ["token_core", "audit_relay", "functions.admin_api", *(f"functions.{name}" for name in (*MAPPINGS, *SCHEDULES))]


@pytest.mark.parametrize("room", ROOMS)
def test_each_part_gets_every_setting_that_has_no_default_and_none_that_it_does_not_read(room, environments):
    settings: type[PlatformSettings] = importlib.import_module(f"{room}.config").Settings
    fields = {name.upper(): field for name, field in settings.model_fields.items()}
    given = {name for name in environments[room] if not name.startswith(STANDARD)}
    missing = {name for name, field in fields.items() if field.is_required()} - given
    assert not missing, f"local/stack/parts.py gives {room} no {missing}"
    unread = given - set(fields)
    assert not unread, f"{room}/config.py reads no {unread}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_setting_says_what_it_expects(room):
    settings: type[PlatformSettings] = importlib.import_module(f"{room}.config").Settings
    silent = [name for name, field in settings.model_fields.items() if not field.description]
    assert not silent, f"{room}: {silent}"
