"""`python -m shared.database.migrate`: brings the schema to its newest version, forward only, and makes partitions.

Connects to Postgres itself, not through RDS Proxy: the lock that keeps two runs apart lives in the session.
"""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config

from shared.config import DatabaseSettings, load_settings
from shared.database.engine import CONNECT_TIMEOUT_SECONDS, sqlalchemy_url
from shared.database.partitions import drop_old_partitions, ensure_partitions
from shared.logging import configure_logging

__all__ = ["drop_old_partitions", "ensure_partitions", "migrate"]

_LOCK = 0x61757468  # any number that only migrations use
_log = logging.getLogger(__name__)


def migrate(database_url: str, revision: str = "head") -> None:
    """Upgrade to `revision` and make partitions ahead of time. Safe to run beside itself and again.

    Raises:
        sqlalchemy.exc.OperationalError: Postgres can't be reached.
    """
    engine = sqlalchemy.create_engine(sqlalchemy_url(database_url), poolclass=sqlalchemy.NullPool, hide_parameters=True)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_lock(%s)", (_LOCK,))
        connection.commit()
        command.upgrade(alembic_config(connection), revision)
        connection.commit()
        with psycopg.connect(database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS) as plain:
            made = ensure_partitions(plain)
    engine.dispose()
    _log.info("the schema is up to date", extra={"revision": revision, "partitions_made": len(made)})


def alembic_config(connection: sqlalchemy.Connection) -> Config:
    """Alembic's configuration without a file, on a connection of ours."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def main() -> None:
    settings = load_settings(DatabaseSettings)
    configure_logging("migrate", settings.log_level)
    migrate(settings.database_url.get_secret_value())


if __name__ == "__main__":
    main()
