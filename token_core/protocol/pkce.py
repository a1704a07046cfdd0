"""RFC 7636: proof key for code exchange, S256 only (RFC 9700 2.1.1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

METHODS = ("S256",)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def is_challenge(text: str) -> bool:
    """Whether it can be an S256 code_challenge: base64url of 32 bytes."""
    return _CHALLENGE.fullmatch(text) is not None


def s256(code_verifier: str) -> str:
    """RFC 7636 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()


def proves(code_verifier: str | None, code_challenge: str | None) -> bool:
    """Whether the verifier fits. A verifier without a challenge is refused too (RFC 9700 2.1.1: downgrade)."""
    if code_challenge is None:
        return code_verifier is None
    if code_verifier is None or _VERIFIER.fullmatch(code_verifier) is None:
        return False
    return hmac.compare_digest(s256(code_verifier), code_challenge)
