"""Which function runs behind which queue or schedule. Terraform's event source mappings say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.lambda_service.service import LambdaService

FUNCTION_TIMEOUT_SECONDS = 10  # a sixth of the queues' visibility timeout
PROCESSES = 2

# function -> (queue, batch size, batching window in seconds)
MAPPINGS = {
    "provision_user": ("provisioning", 10, 0),  # FIFO: at most 10, no window
    "send_email": ("email", 10, 0),
    "record_email_feedback": ("email_feedback", 10, 0),
    "fan_out_audit": ("audit", 5, 0),  # 5 x 700 KB stay under Lambda's 6 MB
    "load_clickhouse": ("clickhouse_load", 10, 0),
}
SCHEDULES = {"maintain_database": "rate(1 hour)"}


def lambda_service(
    environments: dict[str, dict[str, str]],
    queue_urls: dict[str, str],
    *,
    endpoint_url: str,
    credentials: tuple[str, str],
    region: str,
    logs: Path,
    data: Path,
    ca_file: Path | None,
    on_change: Callable[[], None],
    say: Callable[[str], None],
) -> LambdaService:
    raise NotImplementedError
