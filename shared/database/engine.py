"""SQLAlchemy's engine over psycopg 3, and what every connection of ours asks for."""

from __future__ import annotations

from typing import Any

import sqlalchemy

CONNECT_TIMEOUT_SECONDS = 5


def create_engine(url: str, *, pool_size: int = 1, max_overflow: int = 0, **options: Any) -> sqlalchemy.Engine:
    """An engine that works through RDS Proxy, which takes no prepared statements and no startup options.

    Args:
        url: `postgresql://...`.
        pool_size: 1 for a Lambda function, which answers one event at a time.
    """
    return sqlalchemy.create_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,  # or a failing statement's values stand in logs
        connect_args={"prepare_threshold": None, "connect_timeout": CONNECT_TIMEOUT_SECONDS},
        **options,
    )


def sqlalchemy_url(url: str) -> str:
    """`postgresql://` with SQLAlchemy's word for psycopg 3."""
    return "postgresql+psycopg://" + url.removeprefix("postgresql://")
