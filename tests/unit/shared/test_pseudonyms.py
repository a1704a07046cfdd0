from __future__ import annotations

import hashlib
import hmac

import pytest

from shared.pseudonyms import address_hash, identifier_hash

KEY = b"k" * 32


def test_a_hash_is_half_an_hmac_in_hex() -> None:
    assert identifier_hash(KEY, "ada") == hmac.new(KEY, b"identifier\0ada", hashlib.sha256).hexdigest()[:32]


def test_another_key_gives_another_hash() -> None:
    assert address_hash(KEY, "203.0.113.7") != address_hash(b"x" * 32, "203.0.113.7")


def test_an_address_and_an_identifier_of_the_same_text_differ() -> None:
    assert address_hash(KEY, "203.0.113.7") != identifier_hash(KEY, "203.0.113.7")


@pytest.mark.parametrize(
    ("one", "other"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8:0:0:0:0:0:1")],
)
def test_one_address_in_two_spellings_is_one(one: str, other: str) -> None:
    assert address_hash(KEY, one) == address_hash(KEY, other)


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "x" * 10_000, "Passwort1!"])
def test_whatever_was_typed_gets_a_hash(text: str) -> None:
    assert len(identifier_hash(KEY, text)) == len(address_hash(KEY, text)) == 32
