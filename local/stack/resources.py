"""What the platform has in AWS: queues, bucket, keys, secrets, identities; made where missing, else updated."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LAKE_BUCKET = "auth-platform-lake"
LAKE_PREFIX = "audit/"
GLUE_DATABASE = "auth_audit"
SES_CONFIGURATION_SET = "auth-platform"
EMAIL_FROM = "Auth Platform <no-reply@auth.example>"
EMAIL_IDENTITY = "auth.example"
EVENT_BUS_ARN = "arn:aws:events:eu-central-1:000000000000:event-bus/default"


@dataclass(frozen=True)
class Queue:
    """A queue and its dead-letter queue. Visibility is at least six times the function's timeout (AWS's advice)."""

    name: str
    visibility_timeout_seconds: int
    max_receive_count: int
    fifo: bool = False
    maximum_message_size: int = 262_144
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def queue_name(self) -> str:
        return f"{self.name}.fifo" if self.fifo else self.name

    @property
    def dlq_name(self) -> str:
        return f"{self.name}-dlq.fifo" if self.fifo else f"{self.name}-dlq"


QUEUES = (
    Queue(
        "provisioning",
        visibility_timeout_seconds=60,
        max_receive_count=10,
        fifo=True,
        # per message group, so that one user's commands don't limit another's
        extra={"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"},
    ),
    Queue("email", visibility_timeout_seconds=60, max_receive_count=10),
    Queue("email-feedback", visibility_timeout_seconds=60, max_receive_count=10),
    # a segment is at most 700 KB encoded; SQS takes 1 MiB
    Queue("audit", visibility_timeout_seconds=60, max_receive_count=20, maximum_message_size=1_048_576),
    Queue("clickhouse-load", visibility_timeout_seconds=60, max_receive_count=20),
)


@dataclass(frozen=True)
class Resources:
    """What was made, as the parts need to name it."""

    queue_urls: dict[str, str]  # 'provisioning', 'provisioning_dlq', ...
    queue_arns: dict[str, str]
    kms_data_key_id: str
    kms_manifest_key_id: str


def create_resources(client: Any, secrets: Mapping[str, Mapping[str, str]]) -> Resources:
    """Make everything. `client(service)` gives a boto3 client; `secrets` maps secret names to their JSON values."""
    urls, arns = _queues(client("sqs"))
    _lake(client("s3"), arns["clickhouse_load"])
    _mail(client("sesv2"))
    kms = client("kms")
    for name, value in secrets.items():
        _secret(client("secretsmanager"), name, json.dumps(dict(value)))
    return Resources(
        queue_urls=urls,
        queue_arns=arns,
        kms_data_key_id=_key(kms, "alias/auth-platform-data", KeySpec="SYMMETRIC_DEFAULT", KeyUsage="ENCRYPT_DECRYPT"),
        kms_manifest_key_id=_key(kms, "alias/auth-platform-manifest", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"),
    )


def _queues(sqs: Any) -> tuple[dict[str, str], dict[str, str]]:
    urls: dict[str, str] = {}
    arns: dict[str, str] = {}

    def create(key: str, name: str, attributes: dict[str, str]) -> None:
        try:
            urls[key] = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            changeable = {k: v for k, v in attributes.items() if k != "FifoQueue"}
            sqs.set_queue_attributes(QueueUrl=urls[key], Attributes=changeable)
        except sqs.exceptions.QueueDoesNotExist:
            urls[key] = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=urls[key], AttributeNames=["QueueArn"])
        arns[key] = found["Attributes"]["QueueArn"]

    for queue in QUEUES:
        key = queue.name.replace("-", "_")
        fifo = {"FifoQueue": "true"} if queue.fifo else {}
        size = {"MaximumMessageSize": str(queue.maximum_message_size)}
        create(f"{key}_dlq", queue.dlq_name, {**fifo, **size, "MessageRetentionPeriod": "1209600"})
        redrive = {"deadLetterTargetArn": arns[f"{key}_dlq"], "maxReceiveCount": queue.max_receive_count}
        create(
            key,
            queue.queue_name,
            {
                **fifo,
                **size,
                **queue.extra,
                "VisibilityTimeout": str(queue.visibility_timeout_seconds),
                "MessageRetentionPeriod": "1209600",
                "RedrivePolicy": json.dumps(redrive),
            },
        )
    return urls, arns


def _lake(s3: Any, load_queue_arn: str) -> None:
    existing = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    if LAKE_BUCKET not in existing:
        s3.create_bucket(Bucket=LAKE_BUCKET)
        s3.put_bucket_versioning(Bucket=LAKE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    wanted = {
        "QueueArn": load_queue_arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {
            "Key": {
                "FilterRules": [
                    {"Name": "prefix", "Value": f"{LAKE_PREFIX}raw/"},
                    {"Name": "suffix", "Value": ".parquet"},
                ]
            }
        },
    }
    present = s3.get_bucket_notification_configuration(Bucket=LAKE_BUCKET).get("QueueConfigurations", [])
    if [entry["QueueArn"] for entry in present] != [load_queue_arn]:
        s3.put_bucket_notification_configuration(
            Bucket=LAKE_BUCKET, NotificationConfiguration={"QueueConfigurations": [wanted]}
        )


def lake_is_registered(glue: Any) -> bool:
    """Whether the raw lake has its table in Glue."""
    try:
        glue.get_table(DatabaseName=GLUE_DATABASE, Name="raw_events")
    except glue.exceptions.EntityNotFoundException:
        return False
    return True


def _mail(ses: Any) -> None:
    if EMAIL_IDENTITY not in [entry["IdentityName"] for entry in ses.list_email_identities()["EmailIdentities"]]:
        ses.create_email_identity(EmailIdentity=EMAIL_IDENTITY)
    if SES_CONFIGURATION_SET not in ses.list_configuration_sets()["ConfigurationSets"]:
        ses.create_configuration_set(ConfigurationSetName=SES_CONFIGURATION_SET)
        ses.create_configuration_set_event_destination(
            ConfigurationSetName=SES_CONFIGURATION_SET,
            EventDestinationName="feedback",
            EventDestination={
                "Enabled": True,
                "MatchingEventTypes": ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"],
                "EventBridgeDestination": {"EventBusArn": EVENT_BUS_ARN},
            },
        )


def _secret(manager: Any, name: str, value: str) -> None:
    try:
        if manager.get_secret_value(SecretId=name)["SecretString"] != value:
            manager.put_secret_value(SecretId=name, SecretString=value)
    except manager.exceptions.ResourceNotFoundException:
        manager.create_secret(Name=name, SecretString=value)


def _key(kms: Any, alias: str, **spec: str) -> str:
    for page in kms.get_paginator("list_aliases").paginate():
        for entry in page["Aliases"]:
            if entry["AliasName"] == alias and entry.get("TargetKeyId"):
                return str(kms.describe_key(KeyId=entry["TargetKeyId"])["KeyMetadata"]["Arn"])
    key = kms.create_key(Description=alias.removeprefix("alias/"), **spec)["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    return str(key["Arn"])
