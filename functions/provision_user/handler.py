"""Woken by the provisioning queue. Faults of the infrastructure alone bring a message back, with its group."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response

from functions.provision_user.config import Settings
from functions.provision_user.hint import RedisHint
from functions.provision_user.message import Message
from functions.provision_user.provision import provision
from functions.provision_user.reply import SqsReply
from functions.provision_user.secret_keeper import SecretsManagerKeeper
from functions.provision_user.services import Services, tell_nobody
from shared.config import load_settings
from shared.database.held_connection import HeldConnection
from shared.kms import DataKeys
from shared.subject_keys import SubjectKeys

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = load_settings(Settings)
logger = Logger(service="provision_user", level=settings.log_level)
tracer = Tracer(service="provision_user", auto_patch=False)
metrics = Metrics(namespace="AuthPlatform", service="provision_user")
processor = SqsFifoPartialProcessor(skip_group_on_error=True)
database = HeldConnection(settings.database_url.get_secret_value(), "provision_user")
services = Services(
    subject_keys=SubjectKeys(DataKeys(settings.kms_data_key_id)),
    pseudonym_key=settings.pseudonym_key.get_secret_value(),
    outbox_shards=settings.outbox_shards,
    welcome_link=timedelta(seconds=settings.welcome_link_seconds),
    verification_link=timedelta(seconds=settings.verification_link_seconds),
    hint=RedisHint(settings.redis_url.get_secret_value()) if settings.redis_url else tell_nobody,
    reply=SqsReply(logger),
    keep_secret=SecretsManagerKeeper(),
)


def handle_record(record: SQSRecord) -> None:
    message = Message(
        sender_id=record.attributes.sender_id,
        group=record.attributes.message_group_id or "",
        message_id=record.message_id,
        body=record.body,
    )
    with database.use() as connection:
        outcome = provision(connection, services, message)
    metrics.add_metric(name=f"command_{outcome.state}", unit=MetricUnit.Count, value=1)
    logger.info(
        "command",
        sender=outcome.sender,
        command_id=outcome.command_id,
        command_type=outcome.type,
        state=outcome.state,
        reason=outcome.reason,
        is_repeat=outcome.is_repeat,
    )


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=handle_record, processor=processor, context=context)
