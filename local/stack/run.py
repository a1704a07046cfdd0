"""`make run`: starts everything in the order of what needs what, keeps it running, and stops it cleanly."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from local.engines.postgres import STOP_SIGNAL as POSTGRES_STOP_SIGNAL
from local.engines.postgres import PostgresServer
from local.engines.redis import RedisServer
from local.stack import functions, parts
from local.stack.layout import Layout, choose_ports, kept, make_secrets, write_atomically
from local.stack.ownership import claim_folder
from local.stack.preparation import what_prepares
from local.stack.resources import Resources, create_resources, lake_is_registered
from local.stack.stack_file import describe_stack
from local.stack.supervisor import ProcessSpec, Supervised
from local.tls.authority import LocalAuthority
from local.web.server import PageServer, StackView

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

from local.lambda_service.service import LambdaService
from local.lambda_service.settings import LambdaSettings


class SetUpError(RuntimeError):
    """A one-time step (migrations, seeds) failed; the message carries its output."""


@dataclass
class Options:
    tls: bool = False
    say: Callable[[str], None] = print


class Stack:
    """The whole platform on this machine."""

    def __init__(self, layout: Layout, options: Options) -> None:
        self.layout = layout
        self.options = options
        self.say = options.say
        self.processes: dict[str, Supervised] = {}
        self.lambda_service: LambdaService | None = None
        self.pages: PageServer | None = None
        self.started_at = time.monotonic()
        self.ready = False
        self.demo: dict[str, Any] = {}
        self._resources: Resources | None = None
        self._write_scheduled = False
        layout.make()
        claim_folder(layout)
        self.ports = choose_ports(layout)
        self.secrets: dict[str, str] = kept(layout.root / "secrets" / "generated.json", make_secrets)
        authority = LocalAuthority(layout.root / "tls") if options.tls else None
        served = authority.server_certificate() if authority else None
        self.addresses = parts.Addresses(
            ports=self.ports,
            ca_file=served.ca if served else None,
            certificate=(served.certificate, served.key) if served else None,
        )
        self.postgres = PostgresServer(
            layout.data / "postgres", self.ports["postgres"], self.secrets["postgres_password"]
        )
        self.redis = RedisServer(layout.data / "redis", self.ports["redis"], self.secrets["redis_password"])
        self._http = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=served.ca) if served else False, timeout=2.0, trust_env=False
        )

    # ------------------------------------------------------------------ start

    async def start(self) -> None:
        """Start everything; returns when all of it answers."""
        self.pages = PageServer(self._view(), self.ports["start_page"], self.addresses.certificate)
        await self.pages.start()
        self.say(f"start page   {self.addresses.url('start_page')}")
        await self._phase("Postgres, Redis, ClickHouse, AWS", self._start_engines())
        await self._phase("queues, bucket, keys, secrets", self._create_resources())
        await self._phase("migrations and seeds", self._prepare_databases())
        await self._phase("token core, relay, admin API, functions", self._start_platform())
        self.ready = True
        self._changed()

    async def _phase(self, title: str, work: Coroutine[Any, Any, None]) -> None:
        begun = time.monotonic()
        await work
        self.say(f"  {time.monotonic() - begun:4.1f} s  {title}")

    async def _start_engines(self) -> None:
        layout, secrets = self.layout, self.secrets
        tls = self.addresses.uvicorn_tls
        aws_config = layout.password_file("aws.json", json.dumps(self._aws_config()))
        specs = [
            ProcessSpec(
                "postgres",
                self.postgres.command(layout.password_file("postgres", secrets["postgres_password"]), with_parent=True),
                layout.logs / "postgres.log",
                is_ready=lambda: asyncio.to_thread(self.postgres.is_ready),
                stop_signal=POSTGRES_STOP_SIGNAL,
            ),
            ProcessSpec(
                "redis",
                self.redis.command(layout.password_file("redis", secrets["redis_password"]), with_parent=True),
                layout.logs / "redis.log",
                is_ready=lambda: asyncio.to_thread(self.redis.is_ready),
            ),
            ProcessSpec(
                "clickhouse",
                [
                    *[sys.executable, "-m", "local.clickhouse", "--data", str(layout.data / "clickhouse")],
                    *["--port", str(self.ports["clickhouse"])],
                    *["--password-file", str(layout.password_file("clickhouse", secrets["clickhouse_password"]))],
                    *tls,
                ],
                layout.logs / "clickhouse.log",
                is_ready=partial(self._answers, self.addresses.url("clickhouse", "127.0.0.1") + "/ping"),
            ),
            ProcessSpec(
                "aws",
                [
                    *[sys.executable, "-m", "local.aws", "--data", str(layout.data / "aws")],
                    *["--port", str(self.ports["aws"]), "--config", str(aws_config), *tls],
                ],
                layout.logs / "aws.log",
                is_ready=partial(self._answers, self.addresses.aws_endpoint + "/_local/health"),
            ),
        ]
        # Redis takes its first write two seconds after its start; nothing before the platform's own parts needs it
        await self._start_all(specs, wait_for={"postgres", "clickhouse", "aws"})

    def _aws_config(self) -> dict[str, Any]:
        return {
            "region": parts.REGION,
            "account_id": parts.ACCOUNT_ID,
            "base_url": self.addresses.aws_endpoint,
            "access_keys": {
                parts.DEVELOPER_KEY: {
                    "secret": self.secrets["developer_secret_access_key"],
                    "sender_id": parts.DEVELOPER_SENDER_ID,
                    "arn": f"arn:aws:iam::{parts.ACCOUNT_ID}:user/developer",
                },
                parts.PLATFORM_KEY: {
                    "secret": self.secrets["platform_secret_access_key"],
                    "sender_id": parts.PLATFORM_SENDER_ID,
                    "arn": f"arn:aws:sts::{parts.ACCOUNT_ID}:assumed-role/platform/local",
                },
            },
            "ses_events_queue": "email-feedback",
        }

    async def _create_resources(self) -> None:
        self._resources = await asyncio.to_thread(
            create_resources,
            self._aws_client,
            parts.platform_secrets(self.secrets, self.postgres.dsn(parts.DATABASE), self.redis.url),
        )

    def _aws_client(self, service: str) -> Any:
        import boto3  # noqa: PLC0415  half a second that the start page need not wait for

        make: Any = boto3.client  # its overloads want a literal
        return make(
            service,
            endpoint_url=self.addresses.aws_endpoint,
            region_name=parts.REGION,
            aws_access_key_id=parts.PLATFORM_KEY,
            aws_secret_access_key=self.secrets["platform_secret_access_key"],
            verify=str(self.addresses.ca_file) if self.addresses.ca_file else None,
        )

    def _environments(self) -> parts.Environments:
        assert self._resources is not None
        return parts.Environments(self.addresses, self.secrets, self._resources)

    async def _prepare_databases(self) -> None:
        await asyncio.to_thread(self.postgres.ensure_database, parts.DATABASE)
        environments = self._environments()
        demo_file = self.layout.root / "secrets" / "demo.json"
        stamp = self.layout.data / "prepared"
        if demo_file.exists() and stamp.exists() and stamp.read_text() == what_prepares():
            self._read_demo(demo_file)
            return
        await asyncio.gather(
            self._one_time("migrate-postgres", ["-m", "shared.database.migrate"], environments.migrations()),
            self._one_time("migrate-clickhouse", ["-m", "shared.clickhouse.migrate"], environments.migrations()),
            self._register_lake(environments),
        )
        port = self.ports["start_page"]
        origins = [f"{scheme}://localhost:{port}" for scheme in ("http", "https")]  # a later start may be with TLS
        seed_input = {
            "output": str(demo_file),
            "developer_sender_id": parts.DEVELOPER_SENDER_ID,
            "platform_sender_id": parts.PLATFORM_SENDER_ID.partition(":")[0],
            "admin_api_audience": parts.ADMIN_API_AUDIENCE,
            "origins": origins,
            "callbacks": [origin + "/demo/callback" for origin in origins],
            "user_password": self.secrets["demo_user_password"],
            "admin_password": self.secrets["demo_admin_password"],
        }
        seed_environment = {**environments.seed(), "SEED": json.dumps(seed_input)}
        await self._one_time("seed", ["-m", "local.seed"], seed_environment)
        write_atomically(stamp, what_prepares())
        self._read_demo(demo_file)

    def _read_demo(self, demo_file: Path) -> None:
        self.demo = json.loads(demo_file.read_text())
        for client in ("web_client", "public_client"):
            self.demo[client]["redirect_uri"] = self.addresses.url("start_page") + "/demo/callback"

    async def _register_lake(self, environments: parts.Environments) -> None:
        """The Glue table, which Athena and awswrangler ask; once, because making it takes pandas' import."""
        if not await asyncio.to_thread(lake_is_registered, self._aws_client("glue")):
            await self._one_time("register-lake", ["-m", "functions.fan_out_audit.register"], environments.migrations())

    async def _one_time(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        (self.layout.logs / f"{name}.log").write_bytes(output)
        if process.returncode:
            raise SetUpError(f"{name} failed (exit status {process.returncode}):\n{output.decode(errors='replace')}")

    async def _start_platform(self) -> None:
        assert self._resources is not None
        environments = self._environments()
        metrics = self.layout.data / "token_core_metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir()
        relay_ready = f"http://127.0.0.1:{self.ports['audit_relay']}/health/ready"
        specs = [
            ProcessSpec(
                "token_core",
                parts.token_core_argv(self.addresses),
                self.layout.logs / "token_core.log",
                env=environments.token_core(metrics),
                is_ready=partial(self._answers, self.addresses.url("token_core") + "/health/ready"),
                stop_timeout_seconds=20,
            ),
            ProcessSpec(
                "audit_relay",
                [sys.executable, "-m", "audit_relay"],
                self.layout.logs / "audit_relay.log",
                env=environments.audit_relay(),
                is_ready=partial(self._answers, relay_ready),
            ),
            ProcessSpec(
                "admin_api",
                parts.admin_api_argv(self.addresses),
                self.layout.logs / "admin_api.log",
                env=environments.admin_api(),
                is_ready=partial(self._answers, self.addresses.url("admin_api") + "/health/live"),
            ),
        ]
        settings = LambdaSettings(
            state_dir=parts.start_folder(self.layout, "lambda"),
            log_dir=self.layout.logs,
            task_root=Path.cwd(),
            sqs_endpoint_url=self.addresses.aws_endpoint,
            region=parts.REGION,
            account_id=parts.ACCOUNT_ID,
            access_key_id=parts.PLATFORM_KEY,
            secret_access_key=self.secrets["platform_secret_access_key"],
            ca_file=self.addresses.ca_file,
        )
        definitions = functions.definitions(environments.functions())
        self.lambda_service = LambdaService(definitions, settings, self._changed)
        await self.processes["redis"].wait_until_ready()
        await self.lambda_service.start()
        await self._start_all(specs)
        await self.lambda_service.wait_ready()

    async def _start_all(self, specs: list[ProcessSpec], wait_for: set[str] | None = None) -> None:
        for spec in specs:
            self.processes[spec.name] = Supervised(spec, self.say, self._changed)
        started = [self.processes[spec.name] for spec in specs]
        await asyncio.gather(*(process.start() for process in started))
        awaited = [process for process in started if wait_for is None or process.spec.name in wait_for]
        await asyncio.gather(*(process.wait_until_ready() for process in awaited))

    async def _answers(self, url: str) -> bool:
        try:
            return (await self._http.get(url)).status_code == 200
        except httpx.HTTPError:
            return False

    # ------------------------------------------------------------------- stop

    async def stop(self) -> None:
        """Stop all of it: first what takes work in, then what carries it, last what keeps it."""
        self.ready = False
        for group in (("admin_api", "token_core"), ("audit_relay",)):
            await asyncio.gather(*(self.processes[name].stop() for name in group if name in self.processes))
        if self.lambda_service is not None:
            await self.lambda_service.stop()
        for group in (("aws", "clickhouse"), ("redis", "postgres")):
            await asyncio.gather(*(self.processes[name].stop() for name in group if name in self.processes))
        if self.pages is not None:
            await self.pages.stop()
        await self._http.aclose()
        self.layout.stack_file.unlink(missing_ok=True)
        self.layout.pid_file.unlink(missing_ok=True)

    # ------------------------------------------------------------------ state

    def pids(self) -> dict[str, int]:
        found = {name: process.pid for name, process in self.processes.items() if process.pid is not None}
        if self.lambda_service is not None:
            found |= self.lambda_service.processes()
        return found

    def _view(self) -> StackView:
        return StackView(stack=self, mailbox_url=self.addresses.aws_endpoint + "/_local/mailbox", http=self._http)

    def _changed(self) -> None:
        """Keeps stack.json true; several changes at once are one write."""
        if self.ready and not self._write_scheduled:
            self._write_scheduled = True
            asyncio.get_running_loop().call_later(0.02, self._write_stack_file)

    def _write_stack_file(self) -> None:
        self._write_scheduled = False
        if self.ready and self._resources is not None:
            write_atomically(self.layout.stack_file, json.dumps(describe_stack(self, self._resources), indent=2))


async def run_until_stopped(stack: Stack, on_ready: Callable[[Stack], Coroutine[Any, Any, None]]) -> int:
    """Start, tell `on_ready`, and wait for Ctrl-C or SIGTERM; then stop. Returns the exit status."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(sig, asked.set)
    starting = asyncio.create_task(stack.start())
    stop_asked = asyncio.create_task(asked.wait())
    live: asyncio.Task[None] | None = None
    status = 0
    try:
        await asyncio.wait({starting, stop_asked}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            live = asyncio.create_task(on_ready(stack))
            await stop_asked
    except Exception as error:  # noqa: BLE001  whatever went wrong, everything is stopped and the reason told
        stack.say(f"could not start: {error}")
        status = 1
    finally:
        for task in (live, starting, stop_asked):
            if task is not None and not task.done():
                task.cancel()
        await asyncio.gather(*(task for task in (live, starting, stop_asked) if task), return_exceptions=True)
        stack.say("stopping ...")
        await stack.stop()
        stack.say("stopped; the data is kept")
    return status
