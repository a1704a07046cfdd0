"""A wrong or missing setting is named with what it got and what it expects; a secret's value is never shown."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import boto3
import pytest
from pydantic import Field, SecretStr

from shared.config import (
    ClickHouseSettings,
    DatabaseSettings,
    DataKeySettings,
    InvalidSettingsError,
    IssuerSettings,
    LakeSettings,
    LinkSettings,
    OutboxSettings,
    PseudonymSettings,
    RedisSettings,
    read_settings,
)

ROOT = Path(__file__).parents[3]


class Settings(DatabaseSettings, RedisSettings, IssuerSettings, LinkSettings, PseudonymSettings, OutboxSettings):
    ttl_seconds: int = Field(60, ge=1, description="seconds, at least 1")


GOOD = {
    "DATABASE_URL": "postgresql://user:hunter2@db:5432/auth",
    "REDIS_URL": "rediss://:hunter2@cache:6379",
    "ISSUER": "https://auth.example.com",
    "LINK_KEY": urlsafe_b64encode(b"l" * 32).decode().rstrip("="),
    "PSEUDONYM_KEY": urlsafe_b64encode(b"p" * 32).decode(),
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    def put(**values: str | None) -> None:
        for name, value in {**GOOD, **values}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return put


def complaints(settings_class: Any = Settings) -> str:
    with pytest.raises(InvalidSettingsError) as caught:
        read_settings(settings_class)
    return "\n".join(caught.value.lines)


def test_good_settings_are_read(environment) -> None:
    environment(TTL_SECONDS="5", OUTBOX_SHARDS="2")
    settings = read_settings(Settings)
    assert settings.database_url.get_secret_value() == GOOD["DATABASE_URL"]
    assert settings.link_key.get_secret_value() == b"l" * 32
    assert settings.pseudonym_key.get_secret_value() == b"p" * 32
    assert (settings.ttl_seconds, settings.outbox_shards, settings.environment) == (5, 2, "local")


def test_settings_do_not_show_their_secrets(environment) -> None:
    environment()
    settings = read_settings(Settings)
    assert "hunter2" not in repr(settings) + str(settings.model_dump())
    assert "llll" not in repr(settings)


def test_settings_can_not_be_changed(environment) -> None:
    environment()
    with pytest.raises(Exception, match="frozen"):
        read_settings(Settings).ttl_seconds = 1


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_setting_is_named(environment, name: str) -> None:
    environment(**{name: None})
    assert complaints().startswith(f"setting {name}: got nothing, expected ")


@pytest.mark.parametrize("name", GOOD)
def test_an_empty_setting_is_a_missing_one(environment, name: str) -> None:
    environment(**{name: ""})
    assert f"setting {name}: got nothing" in complaints()


@pytest.mark.parametrize(
    ("name", "value", "got", "expected"),
    [
        ("ISSUER", "https://auth.example.com/", "'https://auth.example.com/'", "without a slash"),
        ("ISSUER", "auth.example.com", "'auth.example.com'", "http or https"),
        ("ISSUER", "https://auth.example.com?x=1", "'https://auth.example.com?x=1'", "http or https"),
        ("TTL_SECONDS", "soon", "'soon'", "seconds, at least 1"),
        ("TTL_SECONDS", "0", "'0'", "seconds, at least 1"),
        ("OUTBOX_SHARDS", "65", "'65'", "1 to 64"),
        ("ENVIRONMENT", "moon", "'moon'", "one of local, test, dev, staging, prod"),
        ("LOG_LEVEL", "loud", "'loud'", "one of DEBUG"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_got_and_expects(environment, name, value, got, expected) -> None:
    environment(**{name: value})
    line = complaints()
    assert line.startswith(f"setting {name}: got {got}, expected ")
    assert expected in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://user:hunter2@db/auth"),
        ("DATABASE_URL", "hunter2"),
        ("DATABASE_URL", "postgresql://[hunter2"),
        ("REDIS_URL", "http://:hunter2@cache"),
        ("LINK_KEY", "hunter2"),
        ("LINK_KEY", "hunter2!*ü"),
        ("PSEUDONYM_KEY", "aHVudGVyMg"),
    ],
)
def test_a_wrong_secret_is_named_but_never_shown(environment, name: str, value: str) -> None:
    environment(**{name: value})
    line = complaints()
    assert line.startswith(f"setting {name}: got a value that is ")
    assert "hunter2" not in line and value not in line


def test_every_wrong_setting_gets_its_line(environment) -> None:
    environment(ISSUER="x", TTL_SECONDS="x", LINK_KEY=None)
    assert {line.split(":")[0] for line in complaints().splitlines()} == {
        "setting ISSUER", "setting TTL_SECONDS", "setting LINK_KEY",
    }  # fmt: skip


def test_a_process_that_cannot_start_says_why_and_ends_with_2(environment) -> None:
    environment(DATABASE_URL="mysql://user:hunter2@db/auth")
    done = subprocess.run(
        [sys.executable, "-m", "shared.database.migrate"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "setting DATABASE_URL: got a value that is another scheme, or no host (not shown: it is a secret),"
        " expected postgresql://user:password@host:port/database\n"
    )


@pytest.mark.parametrize("prefix", ["", "lake/", "a/b/"])
def test_a_prefix_is_empty_or_ends_with_a_slash(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    for name, value in {"LAKE_BUCKET": "lake", "GLUE_DATABASE": "audit", "LAKE_PREFIX": prefix}.items():
        monkeypatch.setenv(name, value)
    assert read_settings(LakeSettings).lake_prefix == prefix


def test_a_prefix_without_its_slash_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LAKE_BUCKET": "lake", "GLUE_DATABASE": "audit", "LAKE_PREFIX": "raw"}.items():
        monkeypatch.setenv(name, value)
    assert "LAKE_PREFIX" in complaints(LakeSettings)


def test_an_empty_password_is_allowed_where_the_database_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKHOUSE_URL", "http://127.0.0.1:8123")
    monkeypatch.setenv("CLICKHOUSE_DATABASE", "audit")
    assert read_settings(ClickHouseSettings).clickhouse_password == SecretStr("")


@pytest.fixture
def secrets_manager(moto_url: str, monkeypatch: pytest.MonkeyPatch):
    for name, value in {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client = boto3.client("secretsmanager")
    client.create_secret(Name="auth/database", SecretString=json.dumps({"url": GOOD["DATABASE_URL"], "port": 5432}))
    client.create_secret(Name="auth/plain", SecretString="alias/data")
    yield client
    client.delete_secret(SecretId="auth/database", ForceDeleteWithoutRecovery=True)
    client.delete_secret(SecretId="auth/plain", ForceDeleteWithoutRecovery=True)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def test_a_reference_to_secrets_manager_is_followed(environment, secrets_manager) -> None:
    environment(DATABASE_URL="secretsmanager:auth/database#url")
    assert read_settings(Settings).database_url.get_secret_value() == GOOD["DATABASE_URL"]


def test_a_reference_without_a_key_is_the_whole_secret(monkeypatch, secrets_manager) -> None:
    monkeypatch.setenv("KMS_DATA_KEY_ID", "secretsmanager:auth/plain")
    assert read_settings(DataKeySettings).kms_data_key_id == "alias/data"


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("secretsmanager:auth/nothing#url", "ResourceNotFoundException"),
        ("secretsmanager:auth/database#pass", "no such JSON key"),
        ("secretsmanager:auth/database#port", "not text"),
        ("secretsmanager:auth/plain#key", "no such JSON key"),
        ("secretsmanager:#key", "names no secret"),
    ],
)
def test_a_reference_that_cannot_be_followed_says_why_and_shows_no_value(
    environment, secrets_manager, reference: str, why: str
) -> None:
    environment(DATABASE_URL=reference)
    line = complaints()
    assert line.startswith(f"setting DATABASE_URL: got a reference that can't be followed ({reference}: ")
    assert why in line
    assert "hunter2" not in line


def test_an_unreadable_reference_is_no_value_even_where_any_text_would_do(monkeypatch, secrets_manager) -> None:
    monkeypatch.setenv("KMS_DATA_KEY_ID", "secretsmanager:auth/nothing")
    assert "can't be followed" in complaints(DataKeySettings)
