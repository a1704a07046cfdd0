"""ClickHouse over HTTP, as every part that talks to it connects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import clickhouse_connect

if TYPE_CHECKING:
    from shared.config import ClickHouseSettings

CONNECT_TIMEOUT_SECONDS = 3
ANSWER_TIMEOUT_SECONDS = 30


def connect(settings: ClickHouseSettings, database: str | None = None) -> Any:
    """A clickhouse-connect client without a session, so that its requests may run beside each other.

    Raises:
        clickhouse_connect.driver.exceptions.Error: ClickHouse can't be reached, or refuses.
    """
    return clickhouse_connect.get_client(
        dsn=settings.clickhouse_url,
        username=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
        database=database or settings.clickhouse_database,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        send_receive_timeout=ANSWER_TIMEOUT_SECONDS,
        autogenerate_session_id=False,
        secure=settings.clickhouse_url.startswith("https://"),  # of a dsn's scheme it takes no notice
        ca_cert=settings.clickhouse_ca_file,
    )
