"""S3 event notifications to SQS (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).

A notification is a row written in the transaction of the object it tells of, so that it survives a kill.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from local.aws.s3.errors import S3Error
from local.aws.s3.xml import iso_time, parse

if TYPE_CHECKING:
    import sqlite3

    from local.aws.s3.store import StoredObject


@dataclass(frozen=True)
class Rule:
    """One QueueConfiguration."""

    id: str
    queue_arn: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def matches(self, event: str, key: str) -> bool:
        named = f"s3:{event}"
        wanted = any(named == one or (one.endswith("*") and named.startswith(one[:-1])) for one in self.events)
        return wanted and key.startswith(self.prefix) and key.endswith(self.suffix)


def parse_rules(body: bytes) -> list[Rule]:
    """The rules of a NotificationConfiguration.

    Raises:
        S3Error: it is malformed, or names anything but queues.
    """
    rules = []
    for element in parse(body):
        if element.tag in {"TopicConfiguration", "CloudFunctionConfiguration", "EventBridgeConfiguration"}:
            raise S3Error("NotImplemented", f"{element.tag}: only queues are notified here")
        queue = element.findtext("Queue")
        events = tuple(found.text or "" for found in element.findall("Event"))
        if element.tag != "QueueConfiguration" or not queue or not events:
            raise S3Error("MalformedXML")
        if not all(event.startswith("s3:") for event in events):
            raise S3Error("InvalidArgument", "The event is not supported for notifications")
        filters = {"prefix": "", "suffix": ""}
        for rule in element.iter("FilterRule"):
            name = (rule.findtext("Name") or "").lower()
            if name not in filters:
                raise S3Error("InvalidArgument", "filter rule name must be either prefix or suffix")
            filters[name] = rule.findtext("Value") or ""
        rules.append(Rule(element.findtext("Id") or secrets.token_urlsafe(18), queue, events, **filters))
    return rules


def queue_name(arn: str) -> str:
    """The queue of an ARN `arn:aws:sqs:region:account:name`."""
    if not arn.startswith("arn:aws:sqs:") or arn.count(":") != 5:
        raise S3Error("InvalidArgument", "The ARN is not well formed")
    return arn.rpartition(":")[2]


def test_event(bucket: str, now_ms: int) -> str:
    return json.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": iso_time(now_ms),
            "Bucket": bucket,
            "RequestId": secrets.token_hex(8).upper(),
            "HostId": "local",
        }
    )


class Announcer:
    """Queues the notifications of a change inside of its transaction.

    Args:
        region: awsRegion of the records.
    """

    def __init__(self, region: str) -> None:
        self._region = region

    def __call__(self, db: sqlite3.Connection, event: str, stored: StoredObject) -> None:
        row = db.execute(
            "SELECT body FROM bucket_configs WHERE bucket = ? AND name = 'notification'", [stored.bucket]
        ).fetchone()
        if row is None:
            return
        for rule in parse_rules(bytes(row["body"])):
            if rule.matches(event, stored.key):
                body = json.dumps({"Records": [self._record(event, stored, rule)]}, separators=(",", ":"))
                db.execute("INSERT INTO outbox (queue, body) VALUES (?, ?)", [queue_name(rule.queue_arn), body])

    def _record(self, event: str, stored: StoredObject, rule: Rule) -> dict[str, Any]:
        now = dt.datetime.now(dt.UTC)
        entity: dict[str, Any] = {"key": quote_plus(stored.key, safe="/")}
        if event.startswith("ObjectCreated"):
            entity |= {"size": stored.size, "eTag": stored.etag}
        if stored.version_id != "null":
            entity["versionId"] = stored.version_id
        entity["sequencer"] = f"{stored.sequence:018X}"
        return {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": self._region,
            "eventTime": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
            "eventName": event,
            "userIdentity": {"principalId": "AWS:LOCAL"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": secrets.token_hex(8).upper(), "x-amz-id-2": "local"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": rule.id,
                "bucket": {
                    "name": stored.bucket,
                    "ownerIdentity": {"principalId": "LOCAL"},
                    "arn": f"arn:aws:s3:::{stored.bucket}",
                },
                "object": entity,
            },
        }
