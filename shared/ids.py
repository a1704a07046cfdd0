"""Identifiers: UUIDv7 (RFC 9562), whose first 48 bits are the millisecond of their making."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import uuid6


def new_id() -> uuid.UUID:
    """A fresh UUIDv7: sorts by time, so that indexes and range partitions follow it."""
    return uuid.UUID(bytes=uuid6.uuid7().bytes)


def made_at(identifier: uuid.UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
