from __future__ import annotations

from datetime import timedelta

from shared.pseudonyms import address_hash, identifier_hash
from token_core.sessions.guesses import GuessLimits
from token_core.sessions.policy import SignInPolicy

POLICY = SignInPolicy(b"b" * 32, b"p" * 32, b"l" * 32, timedelta(hours=1), timedelta(days=1), GuessLimits())


def test_what_events_say_of_people_is_hashed_under_the_pseudonym_key_and_no_other() -> None:
    assert POLICY.address_hash("192.0.2.1") == address_hash(b"p" * 32, "192.0.2.1")
    assert POLICY.identifier_hash("ada@example.com") == identifier_hash(b"p" * 32, "ada@example.com")
    assert POLICY.address_hash("192.0.2.1") != address_hash(b"b" * 32, "192.0.2.1")


def test_an_address_and_an_identifier_of_the_same_text_are_not_linked() -> None:
    assert POLICY.address_hash("192.0.2.1") != POLICY.identifier_hash("192.0.2.1")


def test_a_mailed_link_that_signs_nobody_in_lives_an_hour_at_most() -> None:
    assert max(POLICY.reset_link_lifetime, POLICY.device_link_lifetime) <= timedelta(hours=1)
