"""Alembic's entry: migrations run on the connection that `shared.database.migrate` passes."""

from __future__ import annotations

from alembic import context

from shared.database.models import Base
from shared.database.partitions import is_partition

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=lambda name, kind, _: kind != "table" or not name or not is_partition(name),
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
