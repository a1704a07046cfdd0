"""People, and the passwords they prove themselves with."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, CreatedAt, Identifier, Instant, Json


class User(Base):
    """A person. `id` is the `sub` of their tokens: no UUID collides with a client's `client:<client_id>`."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'disabled', 'erased')", name="status"),
        CheckConstraint("status = 'erased' OR email_canonical IS NOT NULL", name="email_kept_until_erased"),
        Index("uq_users_external_id", "external_id", unique=True, postgresql_where="external_id IS NOT NULL"),
        Index("uq_users_email_canonical", "email_canonical", unique=True),
    )

    id: Mapped[Identifier]
    external_id: Mapped[str | None]  # what the company's own systems call this person
    email: Mapped[str | None]  # as it was given, for mails
    email_canonical: Mapped[str | None]  # what is compared: shared.identity.email
    email_verified_at: Mapped[Instant | None]
    status: Mapped[str] = mapped_column(server_default="active")
    profile: Mapped[Json]  # OpenID Connect Core 5.1 claims: name, given_name, family_name, locale, zoneinfo, ...
    credentials_changed_at: Mapped[Instant | None]  # links mailed before it are void
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    version: Mapped[int] = mapped_column(server_default="1")  # ETag of the admin API
    not_before: Mapped[Instant | None]  # what was issued to this person earlier counts no more


class PasswordCredential(Base):
    __tablename__ = "password_credentials"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    hash: Mapped[str]  # argon2id in PHC form, its parameters inside
    changed_at: Mapped[CreatedAt]
