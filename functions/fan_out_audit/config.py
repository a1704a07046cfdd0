"""The function's settings: the only reader of its environment."""

from __future__ import annotations

from shared.config import LakeSettings


class Settings(LakeSettings):
    """Which bucket, prefix and Glue database the lake has."""
