"""What the three batch operations share: the checks of the whole, and one answer per entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.sqs.errors import (
    BATCH_IDS_NOT_DISTINCT,
    EMPTY_BATCH_REQUEST,
    INVALID_BATCH_ENTRY_ID,
    TOO_MANY_ENTRIES,
    SqsError,
)
from local.sqs.limits import BATCH_ENTRIES
from local.sqs.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sqs.parameters import JsonObject

ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def check_batch(parameters: Parameters, entry_name: str) -> list[JsonObject]:
    """The entries. Raises: SqsError when they are none, more than ten, or not told apart by their ids."""
    entries = parameters.objects("Entries")
    if not entries:
        raise SqsError(EMPTY_BATCH_REQUEST, f"There should be at least one {entry_name} in the request.")
    if len(entries) > BATCH_ENTRIES:
        message = f"Maximum number of entries per request are {BATCH_ENTRIES}. You have sent {len(entries)}."
        raise SqsError(TOO_MANY_ENTRIES, message)
    ids = [Parameters(entry).required_text("Id") for entry in entries]
    if not all(ENTRY_ID.fullmatch(entry_id) for entry_id in ids):
        message = (
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
            " It can be at most 80 letters long."
        )
        raise SqsError(INVALID_BATCH_ENTRY_ID, message)
    for entry_id in ids:
        if ids.count(entry_id) > 1:
            raise SqsError(BATCH_IDS_NOT_DISTINCT, f"Id {entry_id} repeated.")
    return entries


def each_entry(entries: list[JsonObject], act: Callable[[Parameters], JsonObject]) -> JsonObject:
    """Acts on each; an entry that SQS refuses fails alone: each refusal precedes the entry's first write."""
    successful: list[JsonObject] = []
    failed: list[JsonObject] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"]} | act(Parameters(entry)))
        except SqsError as error:
            failed.append(
                {"Id": entry["Id"], "SenderFault": True, "Code": error.kind.query_code, "Message": error.message}
            )
    answer: JsonObject = {"Successful": successful}
    if failed:
        answer["Failed"] = failed
    return answer
