"""Commands that the company's backends send: who may, what came in, what waits."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, BigInt, CreatedAt, Identifier, Instant, Json, TextArray


class SenderPolicy(Base):
    """What the principal that SQS names (`SenderId`) may command and grant."""

    __tablename__ = "sender_policies"

    sender_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    commands: Mapped[TextArray]  # command types
    roles: Mapped[TextArray]  # roles it may assign and revoke
    scopes: Mapped[TextArray]
    reply_queue_url: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    audiences: Mapped[TextArray]  # APIs that it may register, with their permissions
    secret_prefix: Mapped[str | None]  # of Secrets Manager names: where its clients' secrets go


class InboxCommand(Base):
    """A command and what became of it: the inbox (exactly once in effect) and the status in one row.

    `(sender, command_id)` is unique under a transaction-level advisory lock, because the table is partitioned by time.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        CheckConstraint(
            "state IN ('applied', 'rejected', 'parked', 'waiting', 'dismissed')",
            name="state",
        ),
        Index("ix_inbox_sender_command_id", "sender", "command_id"),
        Index("ix_inbox_group_key", "group_key", "received_at"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )

    sender: Mapped[str] = mapped_column(primary_key=True)
    command_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[CreatedAt] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    type: Mapped[str]
    group_key: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]  # a code of events.commands.RejectionReason
    detail: Mapped[str | None]  # for people; names fields, never values
    user_id: Mapped[uuid.UUID | None]
    result: Mapped[Json]
    finished_at: Mapped[Instant | None]


class ParkedCommand(Base):
    """A command that can't be applied now, or waits behind one; in order within its group."""

    __tablename__ = "parked_commands"
    __table_args__ = (
        CheckConstraint("state IN ('parked', 'waiting', 'redriven', 'dismissed')", name="state"),
        Index(
            "ix_parked_commands_group_key_position_open",
            "group_key",
            "position",
            postgresql_where="state IN ('parked', 'waiting')",
        ),
        Index(
            "ix_parked_commands_group_key_resolved",
            "group_key",
            postgresql_where="state IN ('redriven', 'dismissed')",
        ),
        Index("ix_parked_commands_position_open", "position", postgresql_where="state = 'parked'"),
    )

    id: Mapped[Identifier]
    position: Mapped[BigInt] = mapped_column(Identity(always=True))
    group_key: Mapped[str]
    sender: Mapped[str]
    command_id: Mapped[str]
    body: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    parked_at: Mapped[CreatedAt]
    resolved_at: Mapped[Instant | None]
    resolved_by: Mapped[str | None]
