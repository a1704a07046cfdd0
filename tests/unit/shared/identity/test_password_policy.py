"""NIST SP 800-63B 3.1.1.2: length, a list of common passwords, any Unicode, a maximum size, and nothing else."""

from __future__ import annotations

import pytest

from shared.identity.password_policy import (
    MAX_CHARACTERS,
    MIN_CHARACTERS,
    PasswordProblem,
    common_passwords,
    normal_password,
    password_problem,
)


@pytest.mark.parametrize(
    "password",
    [
        "my dog ate 7 shoes",
        "kX9!vbQz#2Lm",
        "пароль от сейфа бабушки",
        "猫が魚を食べている夜の港町",
        "🦊🐙🌋🎻🪐🧭🎲🧩🪁🛶🥨🧊",
        "correct horse",
        "aaaa bbbb cccc dd",
        "lower case letters only",
        "x" + "ab9 " * 60,
    ],
)
def test_a_long_password_of_any_characters_is_taken_without_composition_rules(password: str) -> None:
    assert password_problem(password) is None


@pytest.mark.parametrize("password", ["", "short", "kX9!vbQz#2L"])
def test_a_short_password_is_refused(password: str) -> None:
    assert len(password) < MIN_CHARACTERS
    assert password_problem(password) is PasswordProblem.TOO_SHORT


@pytest.mark.parametrize("password", ["kX9! " * 52, "🦊🐙🌋🎻" * 65, "x" * 1_000_000])
def test_a_password_too_large_to_hash_fairly_is_refused(password: str) -> None:
    assert len(password) > MAX_CHARACTERS
    assert password_problem(password) is PasswordProblem.TOO_LONG


def test_length_is_counted_in_characters_after_normalisation() -> None:
    decomposed = "e\u0301" * 6 + "kX9!v"
    assert len(decomposed) == 17
    assert len(normal_password(decomposed)) == 11
    assert password_problem(decomposed) is PasswordProblem.TOO_SHORT


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password1234", "PASSWORD!!!!", "P@ssw0rd2026", "!!passw0rd!!", "passwordpassword",
        "Password1!Password1!", "qwertyuiop12", "1q2w3e4r5t6y", "correcthorsebatterystaple", "iloveyou1234",
        "changeme2026", "aaaaaaaaaaaa", "123456789012", "012345678901", "987654321098", "abcdefghijklm", "ababababababab",
        "letmeinletmein", "administrator", "Summer2026!!", "\u00e4" * 14,
    ],
)  # fmt: skip
def test_what_guessers_try_first_is_refused_in_any_disguise(password: str) -> None:
    assert password_problem(password) is PasswordProblem.COMMON


@pytest.mark.parametrize(
    "password", ["ada.lovelace1", "AdaLovelace!!", "lovelace-1815", "AcmeAcme2026!", "1815@acme.example"]
)
def test_what_a_guesser_knows_of_the_person_is_refused(password: str) -> None:
    context = ["ada.lovelace@acme.example", "Ada Lovelace", "Acme"]
    assert password_problem(password, context) is PasswordProblem.CONTEXT


def test_a_long_password_that_only_mentions_the_person_is_taken() -> None:
    assert password_problem("lovelace wrote notes on an engine", ["ada.lovelace@acme.example"]) is None


def test_a_short_name_does_not_forbid_every_word_with_it() -> None:
    assert password_problem("adamant cradle", ["ada@example.com"]) is None


def test_a_lone_surrogate_is_no_text() -> None:
    assert password_problem("kX9!vbQz#2Lm\ud800") is PasswordProblem.NOT_TEXT


def test_the_list_is_offline_long_enough_and_folded() -> None:
    known = common_passwords()
    assert len(known) >= 1000
    assert all(entry == entry.casefold().strip() and entry for entry in known)


def test_an_endless_password_is_too_long_at_once():
    """Minutes, if all of it were normalised: accents have to be sorted."""
    assert password_problem("a" + "\u0301\u0316" * 250_000) is PasswordProblem.TOO_LONG
