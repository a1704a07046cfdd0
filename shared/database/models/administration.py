"""What the admin API keeps for itself: instants that concern everybody, and creates that may be asked for again."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, CreatedAt, Instant


class PlatformInstant(Base):
    """One row per name: `not_before` (what was issued earlier counts no more), `bootstrapped` (never again)."""

    __tablename__ = "platform_instants"

    name: Mapped[str] = mapped_column(primary_key=True)
    instant: Mapped[Instant]
    actor: Mapped[str]


class IdempotentCreate(Base):
    """An Idempotency-Key that was used, and what it made; never the answer, which may hold a secret or a person."""

    __tablename__ = "idempotent_creates"
    __table_args__ = (Index("ix_idempotent_creates_created_at", "created_at"),)

    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  # of the caller and the key
    request_hash: Mapped[bytes]  # keyed: requests hold addresses
    made: Mapped[str]  # the identifier of what was made
    created_at: Mapped[CreatedAt]
