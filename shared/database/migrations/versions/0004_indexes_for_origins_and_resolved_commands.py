"""Indexes for two queries that had none: browser clients' origins, and an erased person's resolved commands."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_clients_id_with_origins",
        "clients",
        ["id"],
        unique=False,
        postgresql_where="status = 'active' AND allowed_origins <> '{}'",
    )
    op.create_index(
        "ix_parked_commands_group_key_resolved",
        "parked_commands",
        ["group_key"],
        unique=False,
        postgresql_where="state IN ('redriven', 'dismissed')",
    )
