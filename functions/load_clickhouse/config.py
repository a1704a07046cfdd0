"""The function's settings: the only reader of its environment."""

from __future__ import annotations

from shared.config import ClickHouseSettings, LakeSettings


class Settings(LakeSettings, ClickHouseSettings):
    """Where the lake is, and which ClickHouse it is loaded into."""
