"""SES's events as EventBridge delivers them.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html (detail), and
https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html (envelope).
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.aws.ses.mail import Mail

_DETAIL_TYPES = {
    "Send": "Email Sent",
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
}
_SIMULATOR = "simulator.amazonses.com"


def events_of(mail: Mail, region: str, account_id: str) -> list[dict[str, Any]]:
    """Send, then what became of each recipient (the mailbox simulator's addresses bounce and complain)."""
    kinds: dict[str, list[str]] = {"Delivery": [], "Bounce": [], "Complaint": []}
    for address in mail.recipients:
        local_part, _, domain = address.partition("@")
        plain = local_part.partition("+")[0] if domain == _SIMULATOR else ""
        if plain in {"bounce", "suppressionlist"}:
            kinds["Bounce"].append(address)
        else:
            kinds["Delivery"].append(address)
            if plain == "complaint":
                kinds["Complaint"].append(address)
    found = [_event("Send", {}, mail, region, account_id)]
    for kind, addresses in kinds.items():
        if addresses:
            found.append(_event(kind, _outcome(kind, addresses), mail, region, account_id))
    return found


def _event(kind: str, outcome: dict[str, Any], mail: Mail, region: str, account_id: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": _DETAIL_TYPES[kind],
        "source": "aws.ses",
        "account": account_id,
        "time": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [f"arn:aws:ses:{region}:{account_id}:configuration-set/{mail.configuration_set}"],
        "detail": {"eventType": kind, "mail": _mail(mail, region, account_id), kind.lower(): outcome},
    }


def _mail(mail: Mail, region: str, account_id: str) -> dict[str, Any]:
    return {
        "timestamp": mail.sent_at,
        "source": mail.sender,
        "sourceArn": f"arn:aws:ses:{region}:{account_id}:identity/{mail.sender_address.rpartition('@')[2]}",
        "sendingAccountId": account_id,
        "messageId": mail.id,
        "destination": mail.recipients,
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in mail.headers.items()],
        "commonHeaders": {"from": [mail.sender], "to": mail.to, "messageId": mail.id, "subject": mail.subject},
        "tags": {"ses:configuration-set": [mail.configuration_set], **{k: [v] for k, v in mail.tags.items()}},
    }


def _outcome(kind: str, addresses: list[str]) -> dict[str, Any]:
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    feedback = f"{secrets.token_hex(8)}-{uuid.uuid4()}-000000"
    if kind == "Delivery":
        return {
            "timestamp": now,
            "processingTimeMillis": 1,
            "recipients": addresses,
            "smtpResponse": "250 2.6.0 Message received",
            "reportingMTA": "local",
        }
    if kind == "Bounce":
        bounced = [
            {
                "emailAddress": address,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
            for address in addresses
        ]
        return {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": bounced,
            "timestamp": now,
            "feedbackId": feedback,
            "reportingMTA": "dsn; local",
        }
    return {
        "complainedRecipients": [{"emailAddress": address} for address in addresses],
        "timestamp": now,
        "feedbackId": feedback,
        "complaintFeedbackType": "abuse",
        "complaintSubType": None,
    }
