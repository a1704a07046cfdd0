from __future__ import annotations

import hashlib
import re

import pytest

from shared.secret_format import PREFIXES, is_well_formed, make_secret, sha256


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_secret_has_its_prefix_256_bits_and_a_checksum(prefix: str) -> None:
    secret = make_secret(prefix)
    assert re.fullmatch(re.escape(prefix) + "[A-Za-z0-9_-]{43}[A-Za-z0-9]{6}", secret)
    assert is_well_formed(prefix, secret)


def test_no_two_secrets_are_alike() -> None:
    assert len({make_secret("ap_cs_") for _ in range(1000)}) == 1000


def test_every_single_mistyped_character_is_noticed() -> None:
    secret = make_secret("ap_cs_")
    for position in range(6, len(secret)):
        other = "A" if secret[position] != "A" else "B"
        assert not is_well_formed("ap_cs_", secret[:position] + other + secret[position + 1 :])


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s + "a", lambda s: s + "\n", str.upper, lambda _: "", lambda s: "ä" + s[1:]]
)
def test_what_is_cut_off_or_altered_is_not_well_formed(change) -> None:
    assert not is_well_formed("ap_cs_", change(make_secret("ap_cs_")))


def test_one_kinds_secret_is_not_anothers() -> None:
    assert not is_well_formed("ap_rt_", make_secret("ap_cs_"))
    assert not is_well_formed("ap_rt_", "ap_rt_" + make_secret("ap_cs_")[6:])


def test_what_is_stored_is_the_sha256() -> None:
    assert sha256("ap_cs_x") == hashlib.sha256(b"ap_cs_x").digest()


def test_hostile_text_can_be_hashed_too() -> None:
    assert len(sha256("\ud800")) == 32
