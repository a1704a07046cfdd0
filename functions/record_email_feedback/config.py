"""Settings of record_email_feedback."""

from __future__ import annotations

from shared.config import DatabaseSettings, OutboxSettings


class Settings(DatabaseSettings, OutboxSettings):
    pass
