"""Settings of send_email."""

from __future__ import annotations

from pydantic import Field

from shared.config import DatabaseSettings, IssuerSettings, LinkSettings, OutboxSettings


class Settings(DatabaseSettings, IssuerSettings, LinkSettings, OutboxSettings):
    email_from: str = Field(
        pattern=r"^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$",
        description="the sender, as in 'Example <no-reply@example.com>', of an identity that SES verified",
    )
    ses_configuration_set: str = Field(
        min_length=1, description="the configuration set whose events record_email_feedback reads"
    )
    platform_name: str = Field("Sign-in", min_length=1, max_length=64, description="what mails call the platform")
    # The queue has to keep bringing a message back for longer than this: visibility timeout x maxReceiveCount.
    send_lookup_seconds: int = Field(
        600, ge=1, le=86_400, description="seconds, 1 to 86400, to wait for SES's word on a send of unknown outcome"
    )
