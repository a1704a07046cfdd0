"""Settings of provision_user."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from shared.config import DatabaseSettings, DataKeySettings, OutboxSettings, PseudonymSettings


class Settings(DatabaseSettings, DataKeySettings, PseudonymSettings, OutboxSettings):
    redis_url: Annotated[
        SecretStr | None, Field(description="redis:// or rediss:// of the cluster; none: no hints")
    ] = None
    welcome_link_seconds: int = Field(
        604_800, ge=300, le=2_592_000, description="seconds, 300 to 2592000, that the link in a welcome mail is good"
    )
    verification_link_seconds: int = Field(
        172_800, ge=300, le=2_592_000, description="seconds, 300 to 2592000, that a verification link is good"
    )
