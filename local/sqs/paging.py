"""NextToken and MaxResults of the two listing operations."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from local.sqs.errors import INVALID_PARAMETER_VALUE, SqsError

if TYPE_CHECKING:
    from local.sqs.parameters import JsonObject, Parameters

MOST_RESULTS = 1000


def page(urls: list[str], parameters: Parameters, member: str) -> JsonObject:
    """Up to MaxResults of the sorted URLs behind NextToken. AWS gives a token only to those who set MaxResults.

    Raises: SqsError InvalidParameterValue for a token that this service never gave.
    """
    maximum = parameters.integer("MaxResults", 1, MOST_RESULTS)
    token = parameters.text("NextToken")
    if token:
        try:
            after = base64.b64decode(token, validate=True).decode()
        except (binascii.Error, ValueError):
            raise SqsError(INVALID_PARAMETER_VALUE, "Invalid or expired next token.") from None
        urls = [url for url in urls if url > after]
    answer: JsonObject = {member: urls[: maximum or MOST_RESULTS]}
    if maximum is not None and len(urls) > maximum:
        answer["NextToken"] = base64.b64encode(urls[maximum - 1].encode()).decode()
    return answer
