"""Tokens of mailed links, derived from the mail's id by HMAC: no queue and no table holds them."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Literal
from uuid import UUID

from shared.secret_format import LINK

LinkPurpose = Literal["set_password", "verify_email", "trust_device", "confirm_email_change", "undo_email_change"]
_SHAPE = re.compile(re.escape(LINK) + r"[A-Za-z0-9_-]{64}", re.ASCII)


def link_token(link_key: bytes, email_id: UUID, purpose: str) -> str:
    """`ap_ln_` and base64url of the mail's id (16 bytes) and its HMAC-SHA-256 (32 bytes)."""
    body = email_id.bytes + _mac(link_key, email_id, purpose)
    return LINK + urlsafe_b64encode(body).decode("ascii")


def read_link_token(link_key: bytes, token: str, purpose: str) -> UUID | None:
    """The mail's id, or None for a token that this key never made for this purpose. Compares in constant time."""
    if not _SHAPE.fullmatch(token):
        return None
    body = urlsafe_b64decode(token[len(LINK) :])
    email_id = UUID(bytes=body[:16])
    return email_id if hmac.compare_digest(body[16:], _mac(link_key, email_id, purpose)) else None


def _mac(link_key: bytes, email_id: UUID, purpose: str) -> bytes:
    return hmac.digest(link_key, b"mailed link\0" + purpose.encode() + b"\0" + email_id.bytes, "sha256")
