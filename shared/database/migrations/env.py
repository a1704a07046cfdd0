"""Alembic's entry: migrations run on the connection that `shared.database.migrate` passes."""

from __future__ import annotations

import re

from alembic import context

from shared.database.base import PARTITIONED
from shared.database.models import Base

_PARTITION = re.compile("(" + "|".join(PARTITIONED) + r")_(p\d{6}|default)(_|$)")


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Partitions are made by `shared.database.partitions`, not by the models."""
    return not (kind == "table" and name and _PARTITION.match(name))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=is_ours,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
