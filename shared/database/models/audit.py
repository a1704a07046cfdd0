"""The durable audit log's Postgres half: outbox, producers, and what the relay has sealed (ADR 1)."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, BigInt, CreatedAt, Identifier, Instant, SmallInt


class OutboxEvent(Base):
    """An event, written in the transaction of the change that it tells of."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_shard_id_unsealed", "shard", "id", postgresql_where="segment_id IS NULL"),
        Index("ix_outbox_segment_id", "segment_id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[Identifier]  # the event id
    shard: Mapped[SmallInt] = mapped_column(server_default="0")
    envelope: Mapped[str]  # events.envelope.Event as JSON text, verbatim
    created_at: Mapped[CreatedAt]
    segment_id: Mapped[uuid.UUID | None]
    number: Mapped[BigInt | None]


class Producer(Base):
    """One incarnation of a writer: its start, what is sealed of it, and its end."""

    __tablename__ = "producers"
    __table_args__ = (
        CheckConstraint("kind IN ('stream', 'outbox')", name="kind"),
        Index("ix_producers_kind_shard", "kind", "shard", postgresql_where="ended_at IS NULL"),
    )

    producer: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    shard: Mapped[SmallInt]
    service: Mapped[str]
    started_at: Mapped[CreatedAt]
    sealed_number: Mapped[BigInt] = mapped_column(server_default="0")
    sealed_hash: Mapped[bytes]  # of that number; the genesis hash at first
    ended_at: Mapped[Instant | None]
    ended_number: Mapped[BigInt | None]  # the last number that the producer knows to be durable
    uncertain_number: Mapped[BigInt | None]  # the last it sent without hearing an answer
    end_reason: Mapped[str | None]


class SealedSegment(Base):
    """A cut, recorded before its first send."""

    __tablename__ = "sealed_segments"
    __table_args__ = (
        CheckConstraint("state IN ('sealed', 'sent')", name="state"),
        Index("ix_sealed_segments_shard_unsent", "shard", "id", postgresql_where="state = 'sealed'"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[Identifier]
    shard: Mapped[str]  # 'stream/0', 'outbox/0'
    state: Mapped[str] = mapped_column(server_default="sealed")
    runs: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # producer, first, last, previous_hash, head_hash
    event_count: Mapped[int]
    body: Mapped[
        bytes | None
    ]  # the SQS message, verbatim; emptied when it is sent, so that losing Redis loses nothing sealed
    stream_epoch: Mapped[str | None]
    stream_first_id: Mapped[str | None]
    stream_last_id: Mapped[str | None]
    sealed_at: Mapped[CreatedAt]
    sent_at: Mapped[Instant | None]


class RelayShard(Base):
    """A piece of the relay's work, held under a lease; `fence` grows with every new holder."""

    __tablename__ = "relay_shards"

    shard: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str | None]
    lease_until: Mapped[Instant | None]
    fence: Mapped[BigInt] = mapped_column(server_default="0")
    stream_epoch: Mapped[str | None]
    stream_cursor: Mapped[str] = mapped_column(server_default="0-0")


class AuditCheckpoint(Base):
    """Producers' starts, heads and ends, signed with the key that the lake's writers don't hold."""

    __tablename__ = "audit_checkpoints"

    id: Mapped[Identifier]
    body: Mapped[str]  # JSON text, verbatim: what is signed
    signature: Mapped[bytes]
    kms_key_id: Mapped[str]
    created_at: Mapped[CreatedAt]
