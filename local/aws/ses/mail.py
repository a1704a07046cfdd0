"""A sent mail, from SES v2's SendEmail parameters: simple content, or a raw MIME message (RFC 5322)."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import email
import email.policy
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from email.utils import getaddresses, parseaddr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import EmailMessage

_MAX_RECIPIENTS = 50


class SesError(Exception):
    """An error of SES v2 by its type, its HTTP status and its sentence."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        self.kind, self.message, self.status = kind, message, status
        super().__init__(message)


@dataclass(frozen=True)
class Mail:
    """What the mailbox keeps. `sent_at` is ISO 8601 in UTC."""

    id: str
    sent_at: str
    sender: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    configuration_set: str = ""

    @property
    def sender_address(self) -> str:
        return parseaddr(self.sender)[1]

    @property
    def recipients(self) -> list[str]:
        """Bare addresses of all whom it goes to."""
        return [address for _, address in getaddresses([*self.to, *self.cc, *self.bcc]) if address]

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        values["from"] = values.pop("sender")
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Mail:
        given = dict(values)
        given["sender"] = given.pop("from")
        return cls(**given)


def mail_from(parameters: dict[str, Any]) -> Mail:
    """The mail of a SendEmail call.

    Raises:
        SesError: BadRequestException for what SES refuses.
    """
    content, destination = parameters.get("Content") or {}, parameters.get("Destination") or {}
    tags = {tag["Name"]: tag["Value"] for tag in parameters.get("EmailTags") or []}
    now = dt.datetime.now(dt.UTC)
    common: dict[str, Any] = {
        "id": f"{secrets.token_hex(8)}-{uuid.uuid4()}-000000",
        "sent_at": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "configuration_set": parameters.get("ConfigurationSetName") or "",
    }
    sender = parameters.get("FromEmailAddress") or ""
    lists: dict[str, Any] = {
        name: list(destination.get(f"{name.title()}Addresses") or []) for name in ("to", "cc", "bcc")
    }
    if "Simple" in content:
        mail = _simple(content["Simple"], sender, lists, tags, common, parameters.get("ReplyToAddresses") or [])
    elif "Raw" in content:
        mail = _raw(content["Raw"], sender, lists, tags, common)
    else:
        raise SesError("BadRequestException", "Content must be Simple or Raw here.")
    if not mail.sender_address or "@" not in mail.sender_address:
        raise SesError("BadRequestException", "Missing or invalid FromEmailAddress.")
    if not mail.recipients or len(mail.recipients) > _MAX_RECIPIENTS:
        raise SesError("BadRequestException", f"A message needs 1 to {_MAX_RECIPIENTS} recipients.")
    for address in mail.recipients:
        local_part, _, domain = address.rpartition("@")
        if not local_part or not domain or any(character.isspace() for character in address):
            raise SesError("BadRequestException", "Illegal address")
    return mail


def _simple(
    content: dict[str, Any],
    sender: str,
    lists: dict[str, Any],
    tags: dict[str, str],
    common: dict[str, Any],
    reply_to: list[str],
) -> Mail:
    body = content.get("Body") or {}
    text, html = ((body.get(kind) or {}).get("Data") or "" for kind in ("Text", "Html"))
    subject = (content.get("Subject") or {}).get("Data")
    if subject is None or not (text or html):
        raise SesError("BadRequestException", "A simple message needs a subject and a text or HTML body.")
    headers = {
        "From": sender,
        "To": ", ".join(lists["to"]),
        "Subject": subject,
        "Message-ID": f"<{common['id']}@local>",
    }
    if reply_to:
        headers["Reply-To"] = ", ".join(reply_to)
    headers |= {header["Name"]: header["Value"] for header in content.get("Headers") or []}
    return Mail(
        sender=sender,
        subject=subject,
        text=text,
        html=html,
        headers=headers,
        tags=tags,
        **lists,
        **common,
    )


def _raw(
    content: dict[str, Any], sender: str, lists: dict[str, Any], tags: dict[str, str], common: dict[str, Any]
) -> Mail:
    try:
        data = base64.b64decode(content.get("Data") or "", validate=True)
    except binascii.Error:
        raise SesError("BadRequestException", "Raw data is not base64.") from None
    message: EmailMessage = email.message_from_bytes(data, policy=email.policy.default)
    headers = {name: str(value) for name, value in message.items()}
    given = {name.lower(): value for name, value in headers.items()}
    if not any(lists.values()):
        lists = {name: [value] if (value := given.get(name)) else [] for name in ("to", "cc", "bcc")}
    for pair in given.get("x-ses-message-tags", "").split(","):
        name, _, value = pair.partition("=")
        if value:
            tags = {name.strip(): value.strip(), **tags}
    if not common["configuration_set"]:
        common["configuration_set"] = given.get("x-ses-configuration-set", "")
    bodies = {"plain": "", "html": ""}
    for kind in bodies:
        part = message.get_body((kind,))
        if part is not None:
            bodies[kind] = part.get_content()
    return Mail(
        sender=sender or given.get("from", ""),
        subject=given.get("subject", ""),
        text=bodies["plain"],
        html=bodies["html"],
        headers=headers,
        tags=tags,
        **lists,
        **common,
    )
