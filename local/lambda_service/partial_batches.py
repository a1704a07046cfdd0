"""What a function's answer says of each message of its batch (developer guide, "Partial batch responses")."""

from __future__ import annotations

import json


def failed_ids(payload: bytes, message_ids: set[str]) -> set[str]:
    """The messages to be kept, by `batchItemFailures`. Nothing, null or an empty list: none failed.

    What can't be understood fails them all: not JSON, another shape, an empty or null itemIdentifier, one that is not
    of this batch.
    """
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return message_ids
    if answer is None:
        return set()
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else False
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return message_ids
    failed: set[str] = set()
    for failure in failures:
        message_id = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(message_id, str) or message_id not in message_ids:
            return message_ids
        failed.add(message_id)
    return failed
