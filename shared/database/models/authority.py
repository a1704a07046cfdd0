"""What changed lately, so that token cores can drop it from their caches within a second."""

from __future__ import annotations

from sqlalchemy import Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, BigInt, CreatedAt, TransactionId


class AuthorityChange(Base):
    """One change of a user, client, role or key. `xid` is the writing transaction.

    A poller asks for rows whose `xid` is not below the oldest transaction that was open at its last poll: so none is
    missed, whatever the order of commits, and no writer waits for another. A row seen twice only drops a cache entry
    twice.
    """

    __tablename__ = "authority_changes"
    __table_args__ = (Index("ix_authority_changes_xid", "xid"), {"postgresql_partition_by": "RANGE (changed_at)"})

    id: Mapped[BigInt] = mapped_column(Identity(always=True), primary_key=True)
    changed_at: Mapped[CreatedAt] = mapped_column(primary_key=True)
    xid: Mapped[int] = mapped_column(TransactionId, server_default=text("pg_current_xact_id()"))
    kind: Mapped[str]  # 'user', 'client', 'role', 'key', 'resource_server'
    entity_id: Mapped[str]
