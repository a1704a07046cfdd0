"""The lake's columns are a promise: new ones go last, none is renamed, retyped or dropped (ADR 1)."""

from __future__ import annotations

from functions.fan_out_audit.columns import COMMENTS, LAKE, REPETITIVE

PUBLISHED = [
    ("event_id", "string"), ("type", "string"), ("version", "int16"), ("occurred_at", "timestamp[us, tz=UTC]"),
    ("producer", "string"), ("number", "int64"), ("hash", "string"), ("request_id", "string"), ("subject", "string"),
    ("actor", "string"), ("client_id", "string"), ("session_id", "string"), ("subject_key_id", "string"),
    ("payload", "string"), ("personal", "string"), ("segment_id", "string"), ("sealed_at", "timestamp[us, tz=UTC]"),
    ("outcome", "string"), ("reason", "string"), ("jti", "string"), ("grant_type", "string"), ("address_hash", "string"),
]  # fmt: skip


def test_what_was_published_stays_in_its_place() -> None:
    assert [(field.name, str(field.type)) for field in LAKE][: len(PUBLISHED)] == PUBLISHED


def test_every_column_says_what_it_is() -> None:
    assert list(COMMENTS) == LAKE.names and all(COMMENTS.values())


def test_only_columns_that_there_are_get_a_dictionary() -> None:
    assert set(REPETITIVE) <= set(LAKE.names)
