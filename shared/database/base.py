"""The declarative base and the column types that all tables share."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, SmallInteger, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import UserDefinedType


class TransactionId(UserDefinedType[int]):
    """Postgres' `xid8`: a transaction's number, which never wraps. Cast to text to read it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


ischema_names["xid8"] = TransactionId  # so that reflection knows it

Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
Identifier = Annotated[uuid.UUID, mapped_column(Uuid, primary_key=True)]
TextArray = Annotated[list[str], mapped_column(ARRAY(Text), server_default="{}")]
Json = Annotated[dict[str, Any], mapped_column(JSONB, server_default="{}")]
BigInt = Annotated[int, mapped_column(BigInteger)]
SmallInt = Annotated[int, mapped_column(SmallInteger)]


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text, bytes: LargeBinary, uuid.UUID: Uuid}


# Tables partitioned by the time inside their UUIDv7 key (or by a time column), with how long a partition is kept.
PARTITIONED: dict[str, tuple[str, str, int | None]] = {
    # table: (key column, "uuid7" | "time", days kept; None: dropped by nobody yet)
    "sign_in_sessions": ("id", "uuid7", 400),
    "refresh_families": ("id", "uuid7", 800),
    "redeemed_codes": ("issued_at", "time", 32),
    "revoked_access_tokens": ("jti", "uuid7", 32),
    "guess_budgets": ("window_start", "time", 32),
    "outbox": ("id", "uuid7", 32),
    "sealed_segments": ("id", "uuid7", None),
    "inbox": ("received_at", "time", 400),
    "email_log": ("id", "uuid7", 400),
    "authority_changes": ("changed_at", "time", 32),
}
