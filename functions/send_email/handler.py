"""Woken by the e-mail queue. A message that fails comes back alone; the others of its batch are done."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from functions.send_email.config import Settings
from functions.send_email.deliver import Services, deliver
from functions.send_email.message import read_email_id
from functions.send_email.rendering import Renderer
from functions.send_email.ses import SesSender, ses_client
from shared.config import load_settings
from shared.database.held_connection import HeldConnection

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = load_settings(Settings)
logger = Logger(service="send_email", level=settings.log_level)
tracer = Tracer(service="send_email", auto_patch=False)
metrics = Metrics(namespace="AuthPlatform", service="send_email")
processor = BatchProcessor(event_type=EventType.SQS)
database = HeldConnection(settings.database_url.get_secret_value(), "send_email")
services = Services(
    renderer=Renderer(
        issuer=settings.issuer,
        platform_name=settings.platform_name,
        link_key=settings.link_key.get_secret_value(),
    ),
    sender=SesSender(ses_client(), email_from=settings.email_from, configuration_set=settings.ses_configuration_set),
    lookup=timedelta(seconds=settings.send_lookup_seconds),
    outbox_shards=settings.outbox_shards,
)


def handle_record(record: SQSRecord) -> None:
    email_id = read_email_id(record.body)
    with database.use() as connection:
        delivery = deliver(connection, services, email_id)
    metrics.add_metric(name=f"mail_{delivery}", unit=MetricUnit.Count, value=1)
    logger.info("mail", email_id=str(email_id), delivery=str(delivery))


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=handle_record, processor=processor, context=context)
