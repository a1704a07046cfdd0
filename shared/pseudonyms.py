"""Keyed hashes: data teams count by something personal without learning it. HMAC-SHA-256, first 16 bytes, hex."""

from __future__ import annotations

import hmac
from ipaddress import IPv6Address, ip_address


def address_hash(key: bytes, address: str) -> str:
    """Of a network address; one address in two spellings gives one hash (`::ffff:192.0.2.1` is `192.0.2.1`)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return _keyed(key, "address", address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return _keyed(key, "address", parsed.compressed)


def identifier_hash(key: bytes, text: str) -> str:
    """Of an identifier that somebody typed, be it nobody's: it is often a password."""
    return _keyed(key, "identifier", text)


def _keyed(key: bytes, purpose: str, text: str) -> str:
    message = f"{purpose}\0{text}".encode(errors="surrogatepass")
    return hmac.digest(key, message, "sha256")[:16].hex()
