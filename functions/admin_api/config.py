"""Settings of the admin API."""

from __future__ import annotations

from pydantic import Field

from shared.config import DatabaseSettings, IssuerSettings, WebUrl


class Settings(DatabaseSettings, IssuerSettings):
    admin_api_audience: str = Field(min_length=1, description="what tokens for this API have in aud")
    provisioning_queue_url: WebUrl = Field(description="the URL of the provisioning FIFO queue")
    jwks_url: WebUrl | None = Field(None, description="where the issuer's keys are; none: ISSUER/oauth2/jwks")
    database_pool_size: int = Field(5, ge=1, le=50, description="connections, 1 to 50; 1 is enough on Lambda")
