"""RFC 6749 1.5, RFC 9700 4.14.2: opaque refresh tokens that prove to be ours, and of which family and generation.

`ap_rt_` + base64url(version 1 B | family 16 B | generation 4 B | secret 32 B | HMAC-SHA-256 of all before, first 16 B)
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from token_core.tokens.jws import BadSignature, b64, unb64

PREFIX = "ap_rt_"
_VERSION = b"\x01"
_SECRET_BYTES, _MAC_BYTES = 32, 16
_BODY_BYTES = 1 + 16 + 4 + _SECRET_BYTES
_TEXT_LENGTH = len(PREFIX) + 92  # base64url of 69 bytes
_NONCE_BYTES = 12  # random: concurrent uses each lock an answer, though only one is kept


@dataclass(frozen=True, slots=True)
class RefreshToken:
    family_id: uuid.UUID
    generation: int
    text: str

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.text.encode()).digest()


def make_refresh_token(mac_key: bytes, family_id: uuid.UUID, generation: int) -> RefreshToken:
    """A fresh token of this family and generation (from 1)."""
    body = _VERSION + family_id.bytes + generation.to_bytes(4, "big") + secrets.token_bytes(_SECRET_BYTES)
    return RefreshToken(family_id, generation, PREFIX + b64(body + _mac(mac_key, body)))


def read_refresh_token(mac_key: bytes, text: str) -> RefreshToken | None:
    """The token, if we made it; None otherwise. Whether it is still good is the family's to say."""
    if len(text) != _TEXT_LENGTH or not text.startswith(PREFIX):
        return None
    try:
        raw = unb64(text[len(PREFIX) :])
    except BadSignature:
        return None
    body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
    if not hmac.compare_digest(mac, _mac(mac_key, body)) or body[:1] != _VERSION:
        return None
    return RefreshToken(uuid.UUID(bytes=body[1:17]), int.from_bytes(body[17:21], "big"), text)


def lock_answer(spent: RefreshToken, binding: bytes, answer: bytes) -> bytes:
    """Encrypt the answer that `spent` was exchanged for: only who still has `spent` can read it (P6)."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(_answer_key(spent)).encrypt(nonce, answer, binding)


def unlock_answer(spent: RefreshToken, binding: bytes, locked: bytes) -> bytes | None:
    """The answer, or None where another token, client or other parameters locked it."""
    try:
        return AESGCM(_answer_key(spent)).decrypt(locked[:_NONCE_BYTES], locked[_NONCE_BYTES:], binding)
    except InvalidTag:
        return None


def _answer_key(spent: RefreshToken) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"refresh answer 1").derive(spent.text.encode())


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:_MAC_BYTES]
