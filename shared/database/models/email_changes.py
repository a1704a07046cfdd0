"""A person's wish for another e-mail address: true once both addresses agreed, and taken back by the old one."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, CreatedAt, Identifier, Instant


class EmailChange(Base):
    """The mails' rows name it in their parameters. Erasing the person deletes it: it holds addresses."""

    __tablename__ = "email_changes"
    __table_args__ = (
        Index(
            "uq_email_changes_user_id_open",
            "user_id",
            unique=True,
            postgresql_where="completed_at IS NULL AND cancelled_at IS NULL",
        ),
        Index("ix_email_changes_user_id", "user_id"),
    )

    id: Mapped[Identifier]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    old_email: Mapped[str]
    old_email_canonical: Mapped[str]
    new_email: Mapped[str]
    new_email_canonical: Mapped[str]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]
    old_confirmed_at: Mapped[Instant | None]
    new_confirmed_at: Mapped[Instant | None]
    completed_at: Mapped[Instant | None]
    cancelled_at: Mapped[Instant | None]  # another wish took its place
    undone_at: Mapped[Instant | None]
