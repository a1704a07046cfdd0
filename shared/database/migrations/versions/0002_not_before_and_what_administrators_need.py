"""Signing out by not-before, the one-time bootstrap, and creates that may be asked for again. Expands only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clients", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "platform_instants",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("instant", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_platform_instants")),
    )
    op.create_table(
        "idempotent_creates",
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_idempotent_creates")),
    )
    op.create_index("ix_idempotent_creates_created_at", "idempotent_creates", ["created_at"], unique=False)
