"""What lives after a sign-in: sessions, known devices, refresh families, spent codes, revocations, guesses.

No foreign keys to users or clients here: these tables are partitioned, written on the hot path, and dropped in pieces;
disabling or erasing ends their rows by index.
"""

from __future__ import annotations

import uuid

from sqlalchemy import Index, LargeBinary, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, CreatedAt, Identifier, Instant, TextArray


class SignInSession(Base):
    """A sign-in (`sid`). The cookie is `<id>.<secret>`; only the secret's SHA-256 is here."""

    __tablename__ = "sign_in_sessions"
    __table_args__ = (
        Index("ix_sign_in_sessions_user_id_live", "user_id", postgresql_where="ended_at IS NULL"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[Identifier]
    user_id: Mapped[uuid.UUID]
    secret_hash: Mapped[bytes]
    device_id: Mapped[uuid.UUID | None]
    authenticated_at: Mapped[CreatedAt]  # auth_time
    amr: Mapped[TextArray]  # RFC 8176
    acr: Mapped[str | None]
    last_seen_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]  # whatever the use
    ended_at: Mapped[Instant | None]
    end_reason: Mapped[str | None]
    subject_key_id: Mapped[uuid.UUID | None]
    personal: Mapped[str | None]  # address and user agent, encrypted as in events


class DeviceCredential(Base):
    """A browser that this user signed in from: guesses from elsewhere don't count against it (P8)."""

    __tablename__ = "device_credentials"
    __table_args__ = (Index("ix_device_credentials_user_id", "user_id"),)

    id: Mapped[Identifier]
    user_id: Mapped[uuid.UUID]
    secret_hash: Mapped[bytes]
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[CreatedAt]


class GuessBudget(Base):
    """How many password guesses a key (account, or account and device, or address) made in a window."""

    __tablename__ = "guess_budgets"
    __table_args__ = ({"postgresql_partition_by": "RANGE (window_start)"},)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    window_start: Mapped[Instant] = mapped_column(primary_key=True)
    used: Mapped[int]


class RefreshFamily(Base):
    """A line of refresh tokens (RFC 9700 4.14.2): one row, whatever the number of rotations."""

    __tablename__ = "refresh_families"
    __table_args__ = (
        Index("ix_refresh_families_user_id_live", "user_id", postgresql_where="revoked_at IS NULL"),
        Index("ix_refresh_families_session_id_live", "session_id", postgresql_where="revoked_at IS NULL"),
        Index("ix_refresh_families_client_id_live", "client_id", postgresql_where="revoked_at IS NULL"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[Identifier]
    user_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    session_id: Mapped[uuid.UUID | None]
    scopes: Mapped[TextArray]
    auth_time: Mapped[Instant]
    amr: Mapped[TextArray]
    acr: Mapped[str | None]
    nonce: Mapped[str | None]
    generation: Mapped[int] = mapped_column(server_default="1")
    current_hash: Mapped[bytes]  # SHA-256 of the live token
    previous_hash: Mapped[bytes | None]  # of the one that was spent for it
    answer: Mapped[bytes | None]  # the whole token response, encrypted under a key derived from the spent token
    answer_binding: Mapped[bytes | None]  # SHA-256 of client, key and parameters that the answer was for
    replay_until: Mapped[Instant | None]  # hard cap of giving the answer again
    rotated_at: Mapped[CreatedAt]
    created_at: Mapped[CreatedAt]
    idle_expires_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]
    revoke_reason: Mapped[str | None]


class RedeemedCode(Base):
    """A spent authorization code: unique here, whatever Redis forgot.

    `issued_at` is inside the code, so that uniqueness outlives partitions.
    """

    __tablename__ = "redeemed_codes"
    __table_args__ = ({"postgresql_partition_by": "RANGE (issued_at)"},)

    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    issued_at: Mapped[Instant] = mapped_column(primary_key=True)
    family_id: Mapped[uuid.UUID | None]
    jti: Mapped[uuid.UUID]
    access_token_expires_at: Mapped[Instant]
    redeemed_at: Mapped[CreatedAt]


class RevokedAccessToken(Base):
    __tablename__ = "revoked_access_tokens"
    __table_args__ = ({"postgresql_partition_by": "RANGE (jti)"},)

    jti: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    expires_at: Mapped[Instant]
    revoked_at: Mapped[CreatedAt]
