"""`python -m shared.clickhouse.migrate`: numbered SQL once each, forward only; then the views, as they are now."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from shared.clickhouse.client import connect
from shared.clickhouse.views import EVENTS_VIEW, NAMES, RAW_TABLE, view
from shared.config import ClickHouseSettings, load_settings
from shared.logging import configure_logging

MIGRATIONS = Path(__file__).parent / "migrations"
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, name String, applied_at DateTime64(3) DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY version
"""

logger = logging.getLogger(__name__)


def migrate(client: Any) -> list[str]:
    """Bring the client's database to the newest version. Returns the names of the migrations applied.

    ClickHouse has no transactions around DDL: each migration is one statement that may run again (IF NOT EXISTS).

    Raises:
        clickhouse_connect.driver.exceptions.Error: ClickHouse can't be reached, or refuses.
    """
    client.command(_LEDGER)
    done = {row[0] for row in client.query("SELECT version FROM schema_migrations").result_rows}
    applied = []
    for path in sorted(MIGRATIONS.glob("[0-9]*.sql")):
        version = int(path.stem.split("_", 1)[0])
        if version not in done:
            client.command(path.read_text(encoding="utf-8"))
            client.insert("schema_migrations", [[version, path.stem]], column_names=["version", "name"])
            applied.append(path.stem)
    for name in NAMES:
        _replace_view(client, name)
    return applied


def _replace_view(client: Any, name: str) -> None:
    definition = view(name)
    text = definition.over(RAW_TABLE if name == EVENTS_VIEW else EVENTS_VIEW)
    comment = definition.comment.replace("'", "''")
    client.command(f"CREATE OR REPLACE VIEW {name} AS {text} COMMENT '{comment}'")


def main() -> None:
    settings = load_settings(ClickHouseSettings)
    configure_logging("clickhouse_migrate", settings.log_level)
    admin = connect(settings, database="default")
    admin.command(f"CREATE DATABASE IF NOT EXISTS `{settings.clickhouse_database}`")
    applied = migrate(connect(settings))
    logger.info("ClickHouse is up to date", extra={"applied": applied})


if __name__ == "__main__":
    main()
