"""The columns of the raw lake, in their order. New ones go last; none is ever renamed, retyped or dropped (ADR 1)."""

from __future__ import annotations

import pyarrow as pa

from events.envelope import SEALED_COLUMNS

INSTANT = pa.timestamp("us", tz="UTC")
_TYPES = {"version": pa.int16(), "number": pa.int64(), "occurred_at": INSTANT}

ENVELOPE = pa.schema([(name, _TYPES.get(name, pa.string())) for name in SEALED_COLUMNS])
SEGMENT = pa.schema([("segment_id", pa.string()), ("sealed_at", INSTANT)])
FROM_PAYLOAD = pa.schema([(name, pa.string()) for name in ("outcome", "reason", "jti", "grant_type", "address_hash")])
"""Copied out of the payload's top level for convenience; the payload itself is what counts."""

LAKE = pa.schema([*ENVELOPE, *SEGMENT, *FROM_PAYLOAD])

REPETITIVE = ("type", "version", "producer", "client_id", "segment_id", "sealed_at", "outcome", "reason", "grant_type")
"""Few values in many rows: dictionary-encoded. The others are mostly unique, where a dictionary only costs."""

COMMENTS = {
    "event_id": "UUIDv7, made where the change is made; unique",
    "type": "<subject>.<past tense>",
    "version": "of the type's payload",
    "occurred_at": "UTC",
    "producer": "the writer's incarnation that numbered and chained the event",
    "number": "1, 2, 3 ... within the producer, without gaps",
    "hash": "hex of SHA-256(hash before || canonical event)",
    "request_id": "the request that it happened in",
    "subject": "whom it is about",
    "actor": "who did it",
    "client_id": "the OAuth client",
    "session_id": "the sign-in session",
    "subject_key_id": "the key that personal is encrypted with",
    "payload": "JSON text, verbatim",
    "personal": "base64url of nonce and AES-256-GCM ciphertext, verbatim",
    "segment_id": "the cut that it was sealed in; the object's name",
    "sealed_at": "UTC; decides the partition",
    "outcome": "from the payload: success or failure",
    "reason": "from the payload",
    "jti": "from the payload: the access token's id",
    "grant_type": "from the payload",
    "address_hash": "from the payload: keyed hash of the network address",
}
