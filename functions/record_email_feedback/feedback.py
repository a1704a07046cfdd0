"""SES's events about a mail, as EventBridge delivers them.

Source: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html (what `detail` holds)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

MAIL_ID_TAG = "mail_id"
FeedbackState = Literal["sent", "delivered", "bounced", "complained", "failed"]
_STATES: dict[str, FeedbackState] = {
    "Send": "sent",
    "Delivery": "delivered",
    "Bounce": "bounced",
    "Complaint": "complained",
    "Reject": "failed",
}


class MalformedFeedbackError(ValueError):
    """Not an event of SES: it stays in the dead-letter queue, to be looked at."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What SES says of one of our mails.

    Args:
        reason: an event's code; None where nothing went wrong.
    """

    email_id: UUID
    ses_message_id: str
    state: FeedbackState
    reason: str | None


def read_feedback(body: str) -> Feedback | None:
    """The event, or None for one that says nothing of our mails' states (another mail, an opened one, a delay).

    Raises:
        MalformedFeedbackError: the body is no event of SES.
    """
    try:
        envelope = json.loads(body)
        if envelope["source"] != "aws.ses":
            raise MalformedFeedbackError("not from SES")
        detail = envelope["detail"]
        mail, state = detail["mail"], _STATES.get(detail["eventType"])
        tags = (mail.get("tags") or {}).get(MAIL_ID_TAG)
        if state is None or not tags:
            return None
        return Feedback(UUID(tags[0]), str(mail["messageId"])[:128], state, _reason(detail))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise MalformedFeedbackError("not an event of SES") from error


def _reason(detail: dict[str, Any]) -> str | None:
    match detail["eventType"]:
        case "Bounce":
            bounce = detail.get("bounce") or {}
            return f"{_code(bounce.get('bounceType'))}:{_code(bounce.get('bounceSubType'))}"
        case "Complaint":
            return _code((detail.get("complaint") or {}).get("complaintFeedbackType"))
        case "Reject":
            return "rejected_by_ses"
    return None


def _code(value: Any) -> str:
    """`MailboxFull` as `mailbox_full`."""
    words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", value) if isinstance(value, str) else []
    code = "_".join(words).lower()[:48]
    return code if re.fullmatch(r"[a-z][a-z0-9_]*", code) else "unspecified"
