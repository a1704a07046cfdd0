"""Numbering and chaining (ADR 1): hash(n) = SHA-256(hash(n-1) || canonical(n)). Hashes are raw inside, hex outside."""

from __future__ import annotations

from hashlib import sha256
from json.encoder import encode_basestring as quote

from events.envelope import Event, SealedEvent

CHAIN_VERSION = 1


def genesis(producer: str) -> bytes:
    """hash(0) of a producer incarnation."""
    return sha256(b"genesis:" + producer.encode()).digest()


def canonical(producer: str, number: int, event: Event) -> bytes:
    """The bytes that are chained: a JSON array without spaces or ASCII escapes, UTF-8.

    Raises:
        UnicodeEncodeError: a text has a lone surrogate, which no store would take either.
    """
    request_id = "null" if event.request_id is None else quote(event.request_id)
    client_id = "null" if event.client_id is None else quote(event.client_id)
    session_id = "null" if event.session_id is None else quote(event.session_id)
    subject_key_id = "null" if event.subject_key_id is None else quote(event.subject_key_id)
    personal = "null" if event.personal is None else quote(event.personal)
    return (
        f"[{CHAIN_VERSION},{quote(producer)},{number},{quote(event.event_id)},{quote(event.type)},{event.version},"
        f"{quote(event.occurred_at)},{request_id},{quote(event.subject)},{quote(event.actor)},{client_id},"
        f"{session_id},{subject_key_id},{quote(event.payload)},{personal}]"
    ).encode()


def link(previous: bytes, canonical_bytes: bytes) -> bytes:
    """hash(n) from hash(n-1) and canonical(n)."""
    return sha256(previous + canonical_bytes).digest()


def seal(previous: bytes, producer: str, number: int, event: Event) -> SealedEvent:
    """Give `event` its place after the one whose hash is `previous`. The new head is `bytes.fromhex(sealed.hash)`."""
    return SealedEvent(event, producer, number, link(previous, canonical(producer, number, event)).hex())
