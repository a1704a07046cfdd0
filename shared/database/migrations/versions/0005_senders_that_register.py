"""What a sender may register: APIs, and where the secrets of its clients go. Expands only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sender_policies",
        sa.Column("audiences", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("sender_policies", sa.Column("secret_prefix", sa.Text(), nullable=True))
