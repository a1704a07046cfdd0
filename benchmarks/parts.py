"""What stands during a run: the token core alone on its core; on the other all that it needs, and the load."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import psycopg
import redis

from benchmarks.node import find_node, install_peers
from benchmarks.organisation import Secrets, register
from local.engines.postgres import STOP_SIGNAL, PostgresServer
from local.engines.process import ForegroundProcess, free_port
from local.engines.redis import CLUSTER_BUS_OFFSET, RedisServer
from shared.database.migrate import migrate
from shared.kms import DataKeys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack

SERVER_CORE, LOAD_CORE = 0, 1
_PASSWORD = secrets.token_hex(16)
_AWS = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Server:
    """A server under load, alone on its core with those that rest meanwhile."""

    port: int
    process: ForegroundProcess

    def cpu_seconds(self) -> float:
        """User and system time of it and its children so far."""
        root = psutil.Process(self.process.pid)
        times = [one.cpu_times() for one in (root, *root.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def answers(self, path: str) -> bool:
        try:
            self.get(path)
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class Platform:
    """The token core and what it stands on."""

    core: Server
    log_path: Path
    dsn: str
    redis_url: str
    secrets: Secrets


def pinned(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> ForegroundProcess:
    """The command on the server's core."""
    argv = [sys.executable, "-m", "benchmarks.pinned", str(SERVER_CORE), *command]
    return ForegroundProcess(argv, log_path=log, env=environment).start()


def _uvicorn(app: str, port: int, *options: str) -> list[str]:
    """As production starts it (local/stack and the images), with one worker."""
    command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    return [*command, "--no-access-log", "--no-proxy-headers", "--no-server-header", *options]


def start_floor(stack: ExitStack, folder: Path, size: int) -> Server:
    """The same ASGI server with a static answer of `size` bytes."""
    port = free_port()
    environment = {"FLOOR_BYTES": str(size), "PYTHONUNBUFFERED": "1"}
    server = Server(
        port,
        pinned(
            _uvicorn("benchmarks.floor:app", port, "--log-level", "warning"), folder / f"floor-{size}.log", environment
        ),
    )
    stack.callback(server.process.stop)
    server.process.wait_until(partial(server.answers, "/"))
    return server


def start_peer(stack: ExitStack, folder: Path, families: int) -> tuple[Server, str, list[str]]:
    """Npm oidc-provider; with its clients' secret and fresh refresh tokens."""
    port, secret = free_port(), secrets.token_urlsafe(32)
    log = folder / f"peer-{port}.log"
    script = install_peers() / "oidc_provider.mjs"
    environment = {"PORT": str(port), "SECRET": secret, "FAMILIES": str(families), "NODE_ENV": "production"}
    server = Server(port, pinned([find_node().node, str(script)], log, environment))
    stack.callback(server.process.stop)
    server.process.wait_until(lambda: '{"refresh_tokens"' in log.read_text() and log.read_text().endswith("\n"))
    line = next(line for line in log.read_text().splitlines() if line.startswith("{"))
    return server, secret, json.loads(line)["refresh_tokens"]


def start_platform(stack: ExitStack, folder: Path) -> Platform:
    """Everything on: real Postgres and Redis that sync each write, the relay, logs and metrics."""
    password_file = folder / "password"
    password_file.write_text(_PASSWORD)
    postgres = PostgresServer(folder / "postgres", free_port(), _PASSWORD)
    process = ForegroundProcess(
        postgres.command(password_file, with_parent=True), STOP_SIGNAL, log_path=folder / "postgres.log"
    ).start()
    stack.callback(process.stop)
    postgres.wait_until_ready(process)
    store = RedisServer(folder / "redis", free_port(also_offset=CLUSTER_BUS_OFFSET), _PASSWORD)
    process = ForegroundProcess(store.command(password_file, with_parent=True), log_path=folder / "redis.log").start()
    stack.callback(process.stop)
    store.wait_until_ready(process)
    dsn = postgres.ensure_database("benchmark")
    migrate(dsn)
    aws = _start_aws(stack, folder)
    environment = {**aws, "DATABASE_URL": dsn, "REDIS_URL": store.url, "ENVIRONMENT": "test", "LOG_LEVEL": "INFO"}
    registered = register(dsn, DataKeys(aws["KMS_DATA_KEY_ID"], _client("kms", aws)))
    port = free_port()
    log = folder / "token_core.log"
    own = {
        "ISSUER": f"http://127.0.0.1:{port}",
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        **{name: _key() for name in ("REFRESH_TOKEN_KEY", "LINK_KEY", "PSEUDONYM_KEY", "COOKIE_KEY")},
    }
    command = _uvicorn("token_core.app:create_app", port, "--factory", "--timeout-graceful-shutdown", "10")
    core = Server(port, pinned(command, log, {**environment, **own}))
    stack.callback(core.process.stop)
    core.process.wait_until(partial(core.answers, "/health/ready"), timeout_seconds=60)
    relay_port = free_port()
    relay = ForegroundProcess(
        [sys.executable, "-m", "audit_relay"],
        log_path=folder / "relay.log",
        env={**environment, "RELAY_HTTP_PORT": str(relay_port)},
    ).start()
    stack.callback(relay.stop)
    relay.wait_until(partial(Server(relay_port, relay).answers, "/health/live"))
    return Platform(core, log, dsn, store.url, registered)


def _start_aws(stack: ExitStack, folder: Path) -> dict[str, str]:
    port = free_port()
    process = ForegroundProcess(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], log_path=folder / "aws.log"
    ).start()
    stack.callback(process.stop)
    process.wait_until(partial(Server(port, process).answers, "/moto-api/"))
    environment = {**_AWS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    kms, sqs = _client("kms", environment), _client("sqs", environment)
    environment["KMS_DATA_KEY_ID"] = kms.create_key()["KeyMetadata"]["KeyId"]
    environment["KMS_MANIFEST_KEY_ID"] = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"][
        "KeyId"
    ]
    for name in ("AUDIT", "EMAIL"):
        environment[f"{name}_QUEUE_URL"] = sqs.create_queue(QueueName=name.lower())["QueueUrl"]
    return environment


def _client(service: str, environment: Mapping[str, str]):  # noqa: ANN202 - boto3's clients have no static type
    return boto3.client(
        service, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def assert_all_is_on(platform: Platform) -> dict[str, str]:
    """What makes it durable, read from the running parts.

    Raises:
        AssertionError: a part runs with less than production has.
    """
    found: dict[str, str] = {}
    with psycopg.connect(platform.dsn) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute(f"SHOW {name}".encode()).fetchone()
            found[f"postgres {name}"] = row[0] if row else "?"
    with redis.Redis.from_url(platform.redis_url) as store:
        for name in ("appendonly", "appendfsync", "maxmemory-policy"):
            found[f"redis {name}"] = store.config_get(name)[name]
    expected = {
        "postgres fsync": "on", "postgres synchronous_commit": "on", "postgres full_page_writes": "on",
        "redis appendonly": "yes", "redis appendfsync": "always", "redis maxmemory-policy": "noeviction",
    }  # fmt: skip
    assert found == expected, found
    return found


def versions() -> dict[str, str]:
    """Of the machine and of what took part."""
    node = subprocess.run([find_node().node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    peer = json.loads((install_peers() / "node_modules/oidc-provider/package.json").read_text())["version"]
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "unknown")
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "python": sys.version.split()[0],
        "node": node,
        "oidc-provider": peer,
    }
