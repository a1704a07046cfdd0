"""Mails in text and HTML, from the templates beside this file. No picture, no tracking, nothing to fetch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from shared.email_links import link_token

if TYPE_CHECKING:
    from functions.send_email.mail import Mail

_PATHS = {
    "set_password": "/password/set",
    "verify_email": "/email/verify",
    "trust_device": "/device/trust",
    "confirm_email_change": "/email/change",
    "undo_email_change": "/email/undo",
}
_SUBJECTS = {
    "welcome": "Welcome to {platform}: choose your password",
    "password_reset": "Reset your {platform} password",
    "email_verification": "Confirm your e-mail address",
    "trust_device": "Confirm that it is you",
    "email_change": "Confirm the change of your e-mail address",
    "email_changed": "Your {platform} e-mail address was changed",
    "security_notice": "Your {platform} account was changed",
}
_NOTICES = {
    "password_changed": "Your password was changed. All other devices were signed out.",
    "email_changed": "The e-mail address of your account was changed.",
    "new_device": "Your account was used to sign in from a device that we had not seen before.",
    "sessions_ended": "All devices were signed out of your account.",
}
_ANY_CHANGE = "A security setting of your account was changed."
# A name is the sender's text in the platform's mail: nothing that a mail program would turn into a link.
_LINK_LIKE = re.compile(r"[/:@<>\\]|\.\w|[\x00-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


class Renderer:
    """Renders mails of one platform.

    Args:
        issuer: where links lead, from configuration only.
        link_key: what the links' tokens are made with.
    """

    def __init__(self, *, issuer: str, platform_name: str, link_key: bytes) -> None:
        self._issuer = issuer
        self._platform = platform_name
        self._link_key = link_key
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=select_autoescape(["html.j2"], default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def knows(self, template: str) -> bool:
        return template in _SUBJECTS

    def render(self, mail: Mail) -> Rendered:
        """The mail as it leaves. Its link holds the only copy of the link's token.

        Raises:
            KeyError: there is no such template.
        """
        subject = _SUBJECTS[mail.template].format(platform=self._platform)
        values = {
            "subject": subject,
            "platform": self._platform,
            "issuer": self._issuer,
            "name": _name(mail.profile or {}),
            "link": self._link(mail),
            "valid": _span(mail),
            "is_new_address": mail.parameters.get("to") == "new",
            "wished_email": mail.wished_email,
            "notice": _NOTICES.get(str(mail.parameters.get("what")), _ANY_CHANGE),
        }
        return Rendered(
            subject,
            text=self._templates.get_template(f"{mail.template}.txt.j2").render(values),
            html=self._templates.get_template(f"{mail.template}.html.j2").render(values),
        )

    def _link(self, mail: Mail) -> str | None:
        if mail.link_purpose is None:
            return None
        token = link_token(self._link_key, mail.id, mail.link_purpose)
        return f"{self._issuer}{_PATHS[mail.link_purpose]}?token={token}"


def _name(profile: dict[str, Any]) -> str | None:
    for claim in ("given_name", "name"):
        value = profile.get(claim)
        if isinstance(value, str) and 0 < len(value) <= 64 and not _LINK_LIKE.search(value):
            return value
    return None


def _span(mail: Mail) -> str | None:
    """How long the link is good from the mail's making, in words."""
    if mail.link_expires_at is None:
        return None
    minutes = max(1, round((mail.link_expires_at - mail.created_at).total_seconds() / 60))
    for size, unit in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return None
