"""Lambda on a schedule: partitions of Postgres, ahead and behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from functions.maintain_database.config import Settings
from functions.maintain_database.maintain import maintain
from shared.clock import utc_now
from shared.config import load_settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = load_settings(Settings)
logger = Logger(service="maintain_database", level=settings.log_level)
tracer = Tracer(service="maintain_database", auto_patch=False)
metrics = Metrics(namespace="AuthPlatform", service="maintain_database")


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:  # noqa: ARG001 - Lambda's signature
    done = maintain(settings.database_url.get_secret_value(), utc_now(), settings.partition_months_ahead)
    logger.info("partitions", made=list(done.made), dropped=list(done.dropped))
    metrics.add_metric("PartitionsMade", MetricUnit.Count, len(done.made))
    metrics.add_metric("PartitionsDropped", MetricUnit.Count, len(done.dropped))
    return {"made": list(done.made), "dropped": list(done.dropped)}
