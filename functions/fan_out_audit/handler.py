"""Lambda on the audit queue: one message is one sealed segment is one Parquet object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from events.segment import MalformedSegmentError
from functions.fan_out_audit.config import Settings
from functions.fan_out_audit.write_segment import ConflictingObjectError, write_segment
from shared.config import load_settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = load_settings(Settings)
logger = Logger(service="fan_out_audit", level=settings.log_level)
tracer = Tracer(service="fan_out_audit", auto_patch=False)
metrics = Metrics(namespace="AuthPlatform", service="fan_out_audit")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
session = boto3.Session()


def take_record(record: SQSRecord) -> None:
    """Write one segment, or leave its message to be delivered again and, in the end, to the dead-letter queue."""
    try:
        written = write_segment(record.body, settings.lake_bucket, settings.lake_prefix, session)
    except MalformedSegmentError as error:
        logger.error("not a segment", message_id=record.message_id, reason=str(error))  # noqa: TRY400 - the reason says it
        metrics.add_metric("MalformedSegments", MetricUnit.Count, 1)
        raise
    except ConflictingObjectError as error:
        logger.error("the object's name is taken by other content", key=str(error))  # noqa: TRY400
        metrics.add_metric("ConflictingObjects", MetricUnit.Count, 1)
        raise
    logger.info("segment written", key=written.key, events=written.events, was_there=written.was_there)
    metrics.add_metric("Events", MetricUnit.Count, 0 if written.was_there else written.events)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, record_handler=take_record, processor=processor, context=context)
