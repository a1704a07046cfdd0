"""Keyset pages: a cursor names the last row seen, so that a page costs the same wherever it is."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from functions.admin_api.problems import invalid_field

Limit = Annotated[int, Query(ge=1, le=200, description="items a page, 1 to 200")]
After = Annotated[str | None, Query(max_length=128, description="the next_cursor of the page before")]
Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """`next_cursor` is null on the last page."""

    items: list[Item]
    next_cursor: str | None


def write_cursor(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> str:
    """The key of the last row seen.

    Raises:
        ProblemError: `after` is no cursor of ours.
    """
    try:
        key = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise invalid_field("after", "not a cursor that this API gave") from error
    if not key.isprintable():
        raise invalid_field("after", "not a cursor that this API gave")
    return key


def read_id_cursor(key: str) -> UUID:
    """The id of the last row seen.

    Raises:
        ProblemError: `after` is no cursor of ours.
    """
    try:
        return UUID(key)
    except ValueError as error:
        raise invalid_field("after", "not a cursor that this API gave") from error
