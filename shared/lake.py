"""How objects of the raw lake are named (ADR 1): by hour of sealing and segment, so that a retry names the same one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

RAW = "raw/"
_NAME = re.compile(r"sealed_date=\d{4}-\d\d-\d\d/sealed_hour=\d\d/([0-9a-f-]{36})\.parquet")


class ForeignObjectError(ValueError):
    """The key is not one that `raw_key` makes."""


def raw_key(prefix: str, segment_id: str, sealed_at: datetime) -> str:
    """The key of a segment's object under the lake's prefix (empty, or ending with a slash).

    Raises:
        ValueError: the segment id is not a UUID in its usual form.
    """
    if str(UUID(segment_id)) != segment_id:
        raise ValueError("a segment id is a lower-case UUID")
    instant = sealed_at.astimezone(UTC)
    return f"{prefix}{RAW}sealed_date={instant:%Y-%m-%d}/sealed_hour={instant:%H}/{segment_id}.parquet"


def segment_of(prefix: str, key: str) -> str:
    """The segment id in a key that `raw_key` made.

    Raises:
        ForeignObjectError: another kind of key.
    """
    match = _NAME.fullmatch(key.removeprefix(f"{prefix}{RAW}")) if key.startswith(f"{prefix}{RAW}") else None
    if match is None:
        raise ForeignObjectError("not the key of a segment's object")
    return match[1]
