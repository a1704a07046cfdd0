"""Keys: data keys wrapped by KMS, and what they wrap in turn."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, CreatedAt, Identifier, Instant, Json


class DataKey(Base):
    """An AES-256 key that KMS made and wraps; `purpose` is its encryption context, so that roles can be told apart."""

    __tablename__ = "data_keys"
    __table_args__ = (
        CheckConstraint("purpose IN ('signing', 'subject')", name="purpose"),
        Index("ix_data_keys_purpose_live", "purpose", postgresql_where="retired_at IS NULL"),
    )

    id: Mapped[Identifier]
    purpose: Mapped[str]
    kms_key_id: Mapped[str]
    wrapped: Mapped[bytes]
    created_at: Mapped[CreatedAt]
    retired_at: Mapped[Instant | None]


class SigningKey(Base):
    """A key pair that signs tokens: announced, active, then retired but published until all it signed has expired."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        CheckConstraint("state IN ('announced', 'active', 'retired', 'compromised')", name="state"),
        CheckConstraint("algorithm IN ('ES256', 'RS256')", name="algorithm"),
        Index("uq_signing_keys_algorithm_active", "algorithm", unique=True, postgresql_where="state = 'active'"),
    )

    kid: Mapped[str] = mapped_column(primary_key=True)
    algorithm: Mapped[str]
    state: Mapped[str]
    public_jwk: Mapped[Json]
    data_key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("data_keys.id"))
    wrapped_private_key: Mapped[bytes]  # PKCS#8 DER under the data key
    created_at: Mapped[CreatedAt]
    activate_at: Mapped[Instant | None]
    retired_at: Mapped[Instant | None]
    publish_until: Mapped[Instant | None]


class SubjectKey(Base):
    """The key of one person's personal fields in events. Erasing the person empties `wrapped`."""

    __tablename__ = "subject_keys"

    subject: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(unique=True)
    data_key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("data_keys.id"))
    wrapped: Mapped[bytes | None]
    created_at: Mapped[CreatedAt]
    erased_at: Mapped[Instant | None]
