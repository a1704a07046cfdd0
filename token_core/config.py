"""The token core's settings: the only reader of the environment here."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pydantic import Field

from shared.config import (
    DatabaseSettings,
    DataKeySettings,
    IssuerSettings,
    LinkSettings,
    OutboxSettings,
    PseudonymSettings,
    RedisSettings,
    SecretKey,
)


class Settings(
    DatabaseSettings, RedisSettings, IssuerSettings, DataKeySettings, PseudonymSettings, LinkSettings, OutboxSettings
):
    """One line each; those without a default have to be given."""

    refresh_token_key: SecretKey = Field(description="at least 32 bytes in base64url")
    cookie_key: SecretKey = Field(description="at least 32 bytes in base64url")

    database_pool_size: int = Field(8, ge=1, le=100, description="connections a worker, 1 to 100")
    database_prepared_statements: bool = Field(True, description="true, or false behind RDS Proxy")
    audit_stream_shards: int = Field(1, ge=1, le=64, description="a number of shards, 1 to 64")
    audit_deadline_seconds: float = Field(
        1.5, gt=0, le=30, description="seconds that an append of unknown outcome is repeated"
    )
    failure_events_per_second: float = Field(20, gt=0, description="failure events a second and worker")
    failure_events_burst: int = Field(100, ge=1, description="failure events at once and worker")
    refresh_replay_seconds: int = Field(
        60, ge=0, le=300, description="seconds that a spent refresh token gets its answer again"
    )
    authority_poll_seconds: float = Field(0.25, gt=0, le=0.5, description="seconds between polls, at most 0.5")
    authority_stale_seconds: float = Field(
        300, ge=1, description="seconds that clients may be served from memory while Postgres is down"
    )
    trusted_proxy_hops: int = Field(
        0, ge=0, le=5, description="proxies in front that append to X-Forwarded-For, 0 to 5"
    )

    platform_name: str = Field(
        "Sign-in", min_length=1, max_length=64, description="what the hosted pages call the platform"
    )
    session_idle_seconds: int = Field(43_200, ge=60, description="seconds without use that end a sign-in, at least 60")
    session_lifetime_seconds: int = Field(604_800, ge=60, description="seconds after which a sign-in ends, at least 60")
    argon2_memory_kib: int = Field(
        19_456, ge=7_168, description="KiB of memory for one hash, at least 7168 (OWASP: 19456)"
    )
    argon2_passes: int = Field(2, ge=1, le=20, description="passes over that memory, 1 to 20 (OWASP: 2 with 19456 KiB)")
    argon2_lanes: int = Field(1, ge=1, le=8, description="threads of one hash, 1 to 8")
    hashing_processes: int = Field(1, ge=1, le=16, description="hashing processes of one worker, 1 to 16")
    hashing_nice: int = Field(10, ge=0, le=19, description="how far they stand back, 0 to 19")
    hashing_queue_size: int = Field(64, ge=1, le=10_000, description="passwords that may wait for them, for each lane")
    hashing_wait_seconds: float = Field(10, gt=0, le=60, description="seconds that a password may wait")
    guesses_per_account_and_hour: int = Field(
        20, ge=2, description="guesses an hour at an account from devices it doesn't know"
    )
    guesses_per_device_and_hour: int = Field(
        20, ge=2, description="guesses an hour from a device that the account knows"
    )
    guesses_per_address_and_hour: int = Field(
        600, ge=2, description="guesses an hour from one address, known devices apart"
    )
    mails_per_account_and_hour: int = Field(
        6, ge=2, description="mails an hour of each kind that anybody may ask for an account"
    )

    @property
    def is_https(self) -> bool:
        return self.issuer.startswith("https://")


def use_metrics_directory() -> Path:
    """Where the workers of one server share their metrics (prometheus_client's multiprocess mode).

    `PROMETHEUS_MULTIPROC_DIR` if it is set, else a directory of the parent process's: the server of all workers.
    Has to run before prometheus_client is imported, which reads the environment as it loads.
    """
    given = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    path = Path(given) if given else Path(tempfile.gettempdir()) / f"token-core-metrics-{_parent()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(path)
    return path


def _parent() -> str:
    """The parent's pid and, where the system tells it, its start time, so that a pid's next owner starts from zero."""
    pid = os.getppid()
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return f"{os.getuid()}-{pid}"
    return f"{os.getuid()}-{pid}-{started}"
