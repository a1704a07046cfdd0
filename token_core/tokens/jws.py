"""RFC 7515 compact serialization, ES256 and RS256, straight on `cryptography`: a JOSE library costs twice as much.

Every token here is one that this platform signed itself, so its header is one of a few known texts, compared as text:
no algorithm, key or URL in a header is ever acted upon (RFC 8725 3.1).
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Mapping

ES256: Final = "ES256"
RS256: Final = "RS256"
ALGORITHMS: Final = (ES256, RS256)

ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105 - RFC 9068 2.1
ID_TOKEN: Final = "JWT"  # noqa: S105 - a media type
TYPES: Final = (ACCESS_TOKEN, ID_TOKEN)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_ECDSA = ec.ECDSA(SHA256())
_PKCS1 = padding.PKCS1v15()
_SHA256 = SHA256()
_P256_BYTES = 32
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class BadSignature(ValueError):
    """The token is not one that this key signed."""


def b64(raw: bytes) -> str:
    """base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The inverse of `b64`.

    Raises:
        BadSignature: the text is not base64url, or padded.
    """
    if "+" in text or "/" in text or "=" in text:  # b64decode takes both alphabets: one token, one text
        raise BadSignature
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSignature from error


def header_segment(algorithm: str, kid: str, token_type: str) -> str:
    """The first part of every token of this type under this key, ending in the dot."""
    return b64(_dumps({"alg": algorithm, "typ": token_type, "kid": kid}).encode()) + "."


def sign(key: PrivateKey, header: str, claims: Mapping[str, Any] | str) -> str:
    """The token. `header` comes from `header_segment` for the same key; `claims` may be JSON text already."""
    payload = claims if isinstance(claims, str) else _dumps(claims)
    signing_input = header + b64(payload.encode())
    return f"{signing_input}.{b64(_signature(key, signing_input.encode()))}"


def _signature(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, _PKCS1, _SHA256)
    r, s = decode_dss_signature(key.sign(data, _ECDSA))
    return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")  # RFC 7518 3.4


def verify(key: PublicKey, token: str) -> dict[str, Any]:
    """The claims of `token`, whose header the caller has matched to this key. Times are not looked at.

    Raises:
        BadSignature: the signature or the form is wrong.
    """
    signing_input, _, signature_text = token.rpartition(".")
    signature, data = unb64(signature_text), signing_input.encode()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, _PKCS1, _SHA256)
        else:
            _verify_es256(key, signature, data)
        claims = json.loads(unb64(signing_input.partition(".")[2]))
    except (InvalidSignature, ValueError) as error:
        raise BadSignature from error
    if not isinstance(claims, dict):
        raise BadSignature
    return claims


def _verify_es256(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> None:
    if len(signature) != 2 * _P256_BYTES:
        raise BadSignature
    r, s = int.from_bytes(signature[:_P256_BYTES], "big"), int.from_bytes(signature[_P256_BYTES:], "big")
    key.verify(encode_dss_signature(r, s), data, _ECDSA)
