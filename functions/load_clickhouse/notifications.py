"""What S3 tells through SQS: which objects were created.

Keys arrive URL-encoded, with + for a space; the first message of a new configuration is a test event without Records
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus


class MalformedNotificationError(ValueError):
    """The message is not from S3."""


@dataclass(frozen=True, slots=True)
class CreatedObject:
    bucket: str
    key: str


def created_objects(body: str) -> list[CreatedObject]:
    """The objects that a message names; none for the test event.

    Raises:
        MalformedNotificationError: it is no S3 notification; it belongs in the dead-letter queue.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedNotificationError("not JSON") from error
    if not isinstance(message, dict):
        raise MalformedNotificationError("not an object")
    records = message.get("Records")
    if records is None and message.get("Event") == "s3:TestEvent":
        return []
    if not isinstance(records, list):
        raise MalformedNotificationError("neither Records nor a test event")
    return [_created(record) for record in records]


def _created(record: Any) -> CreatedObject:
    try:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
    except (TypeError, LookupError) as error:
        raise MalformedNotificationError("a record without bucket or key") from error
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise MalformedNotificationError("a record's bucket or key is no text")
    return CreatedObject(bucket, unquote_plus(key))
