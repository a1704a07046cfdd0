"""Lambda on the queue of S3's notifications: one object is one insert."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.load_clickhouse.config import Settings
from functions.load_clickhouse.load_object import UnreadableObjectError, load_object
from functions.load_clickhouse.notifications import MalformedNotificationError, created_objects
from shared.clickhouse.client import connect
from shared.config import load_settings
from shared.lake import ForeignObjectError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = load_settings(Settings)
logger = Logger(service="load_clickhouse", level=settings.log_level)
tracer = Tracer(service="load_clickhouse", auto_patch=False)
metrics = Metrics(namespace="AuthPlatform", service="load_clickhouse")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
s3 = boto3.client("s3")


@cache
def clickhouse() -> Any:
    """Connected at the first message, so that a ClickHouse that is down fails messages, not the function's start."""
    return connect(settings)


def take_record(record: SQSRecord) -> None:
    """Load what one message names, or leave it to be delivered again and, in the end, to the dead-letter queue."""
    try:
        for created in created_objects(record.body):
            loaded = load_object(s3, clickhouse(), created.bucket, created.key, settings.lake_prefix)
            logger.info("segment loaded", segment_id=loaded.segment_id, rows=loaded.rows, was_there=loaded.was_there)
            metrics.add_metric("Rows", MetricUnit.Count, 0 if loaded.was_there else loaded.rows)
    except (MalformedNotificationError, ForeignObjectError, UnreadableObjectError) as error:
        logger.error("can't be loaded", message_id=record.message_id, reason=str(error))  # noqa: TRY400 - it says it all
        metrics.add_metric("UnloadableObjects", MetricUnit.Count, 1)
        raise


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, record_handler=take_record, processor=processor, context=context)
