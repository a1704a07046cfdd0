"""Mails: the outbox that the relay hands to SQS, the log, and the state of each mail's link, in one row."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, CreatedAt, Identifier, Instant, Json


class EmailLog(Base):
    """A mail. Its link's token is derived by HMAC from the id, so that neither this row nor the queue holds it."""

    __tablename__ = "email_log"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'handed_over', 'sending', 'sent', 'delivered', 'bounced', 'complained', 'failed')",
            name="state",
        ),
        Index("ix_email_log_id_queued", "id", postgresql_where="state = 'queued'"),
        Index("ix_email_log_user_id", "user_id", "id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[Identifier]
    user_id: Mapped[uuid.UUID]
    template: Mapped[str]  # 'welcome', 'password_reset', 'email_verification', 'email_change', ...
    parameters: Mapped[Json]  # for the template; no address, no secret
    state: Mapped[str] = mapped_column(server_default="queued")
    request_id: Mapped[str | None]
    link_purpose: Mapped[str | None]  # shared.email_links.LinkPurpose
    link_expires_at: Mapped[Instant | None]
    link_spent_at: Mapped[Instant | None]
    link_void_at: Mapped[Instant | None]
    ses_message_id: Mapped[str | None]
    detail: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    handed_over_at: Mapped[Instant | None]
    sending_at: Mapped[Instant | None]
    sent_at: Mapped[Instant | None]
    feedback_at: Mapped[Instant | None]
