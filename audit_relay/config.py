"""The relay's settings: the only reader of its environment."""

from __future__ import annotations

from pydantic import Field

from shared.config import ClickHouseSettings, DatabaseSettings, OutboxSettings, RedisSettings


class Settings(DatabaseSettings, RedisSettings, OutboxSettings):
    audit_queue_url: str = Field(min_length=1, description="URL of the SQS queue that takes sealed segments")
    email_queue_url: str = Field(min_length=1, description="URL of the SQS queue that takes mails to send")
    kms_manifest_key_id: str = Field(
        min_length=1, description="id, ARN or alias of the KMS key (ECC_NIST_P256, sign and verify) for checkpoints"
    )
    audit_stream_shards: int = Field(1, ge=1, le=64, description="a number of shards, 1 to 64")
    relay_http_host: str = Field("127.0.0.1", min_length=1, description="the address that health and metrics listen on")
    relay_http_port: int = Field(9464, ge=1, le=65535, description="a TCP port for health and metrics")
    cut_interval_seconds: float = Field(
        1.0, ge=0.05, le=60, description="seconds between a shard's cuts that are not full, 0.05 to 60"
    )
    poll_interval_seconds: float = Field(
        0.15, ge=0.01, le=5, description="seconds between looks for new events, 0.01 to 5"
    )
    relay_lease_seconds: float = Field(5.0, ge=1, le=120, description="seconds that a shard's lease lasts, 1 to 120")
    checkpoint_interval_seconds: float = Field(
        60.0, ge=1, le=3600, description="seconds between signed checkpoints, 1 to 3600"
    )
    drain_seconds: float = Field(10.0, ge=0, le=110, description="seconds to finish after SIGTERM, 0 to 110")


class StatusSettings(Settings, ClickHouseSettings):
    """What `python -m audit_relay.status` needs besides."""

    status_queue_urls: dict[str, str] = Field(
        default_factory=dict, description='a JSON object of queue names and URLs, such as {"audit_dlq": "https://..."}'
    )
