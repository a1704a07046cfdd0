"""Settings of the admin API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from shared.config import (
    ClickHouseSettings,
    DatabaseSettings,
    DataKeySettings,
    IssuerSettings,
    OutboxSettings,
    PseudonymSettings,
    WebUrl,
)


class Settings(
    DatabaseSettings, IssuerSettings, DataKeySettings, PseudonymSettings, OutboxSettings, ClickHouseSettings
):
    admin_api_audience: str = Field(min_length=1, description="what tokens for this API have in aud")
    provisioning_queue_url: WebUrl = Field(description="the URL of the provisioning FIFO queue")
    jwks_url: WebUrl | None = Field(None, description="where the issuer's keys are; none: ISSUER/oauth2/jwks")
    redis_url: Annotated[
        SecretStr | None,
        Field(description="redis:// or rediss:// of the cluster; none: no hints, and a later watermark"),
    ] = None
    database_pool_size: int = Field(5, ge=1, le=50, description="connections, 1 to 50; 1 is enough on Lambda")


class BootstrapSettings(DatabaseSettings, DataKeySettings, PseudonymSettings, OutboxSettings):
    """What making the first administrator needs."""

    admin_api_audience: str = Field(min_length=1, description="what tokens for the admin API have in aud")
