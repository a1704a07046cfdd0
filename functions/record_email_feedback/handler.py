"""Woken by the queue of SES's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.record_email_feedback.config import Settings
from functions.record_email_feedback.feedback import read_feedback
from functions.record_email_feedback.record import record_feedback
from shared.clock import utc_now
from shared.config import load_settings
from shared.database.held_connection import HeldConnection

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = load_settings(Settings)
logger = Logger(service="record_email_feedback", level=settings.log_level)
tracer = Tracer(service="record_email_feedback", auto_patch=False)
metrics = Metrics(namespace="AuthPlatform", service="record_email_feedback")
processor = BatchProcessor(event_type=EventType.SQS)
database = HeldConnection(settings.database_url.get_secret_value(), "record_email_feedback")


def handle_record(record: SQSRecord) -> None:
    feedback = read_feedback(record.body)
    if feedback is None:
        return
    with database.use() as connection:
        is_news = record_feedback(connection, feedback, utc_now(), settings.outbox_shards)
    metrics.add_metric(name=f"feedback_{feedback.state}", unit=MetricUnit.Count, value=1)
    logger.info("feedback", email_id=str(feedback.email_id), state=feedback.state, is_news=is_news)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=handle_record, processor=processor, context=context)
