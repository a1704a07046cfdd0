"""What the relay puts on the e-mail queue."""

from __future__ import annotations

import json
from uuid import UUID


class MalformedMessageError(ValueError):
    """Not one of the relay's messages: it stays in the dead-letter queue, to be looked at."""


def read_email_id(body: str) -> UUID:
    """The id in `{"email_id": "...", "version": 1}`.

    Raises:
        MalformedMessageError: the body is something else.
    """
    try:
        values = json.loads(body)
        if type(values["version"]) is not int or values["version"] != 1:
            raise MalformedMessageError("unknown version")
        return UUID(values["email_id"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedMessageError("not a mail's message") from error
