"""Machine secrets: 256 random bits, a prefix that scanners find, a checksum that spares look-ups of typing errors."""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256 as _sha256
from zlib import crc32

CLIENT_SECRET = "ap_cs_"  # noqa: S105 - a prefix
REFRESH_TOKEN = "ap_rt_"  # noqa: S105
AUTHORIZATION_CODE = "ap_ac_"
SESSION_COOKIE = "ap_ss_"
DEVICE_COOKIE = "ap_dv_"
LINK = "ap_ln_"
PREFIXES = (CLIENT_SECRET, REFRESH_TOKEN, AUTHORIZATION_CODE, SESSION_COOKIE, DEVICE_COOKIE, LINK)

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}[A-Za-z0-9]{6}", re.ASCII)


def make_secret(prefix: str) -> str:
    """`prefix`, 43 characters of base64url (256 random bits), 6 characters of CRC-32 in base 62."""
    body = prefix + urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode("ascii")
    return body + _checksum(body)


def is_well_formed(prefix: str, text: str) -> bool:
    """Whether `text` could be a secret that `make_secret(prefix)` made. Says nothing about whether it is one."""
    if not text.startswith(prefix) or not _SHAPE.fullmatch(text, len(prefix)):
        return False
    return text[-6:] == _checksum(text[:-6])


def sha256(text: str) -> bytes:
    """What is stored of a machine secret: with 256 random bits in it, a plain hash can't be searched."""
    return _sha256(text.encode(errors="surrogatepass")).digest()


def _checksum(body: str) -> str:
    number, digits = crc32(body.encode("ascii")), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
