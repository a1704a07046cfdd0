"""The function's settings: the only reader of its environment."""

from __future__ import annotations

from pydantic import Field

from shared.config import DatabaseSettings


class Settings(DatabaseSettings):
    partition_months_ahead: int = Field(3, ge=1, le=24, description="a number of months, 1 to 24")
