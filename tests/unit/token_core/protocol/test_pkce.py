from __future__ import annotations

from token_core.protocol.pkce import is_challenge, proves, s256

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_example_of_rfc_7636_appendix_b() -> None:
    assert s256(VERIFIER) == CHALLENGE
    assert proves(VERIFIER, CHALLENGE)
    assert is_challenge(CHALLENGE)


def test_a_challenge_is_not_its_own_verifier() -> None:
    assert not proves(CHALLENGE, CHALLENGE)  # method plain


def test_a_verifier_needs_a_challenge_and_a_challenge_a_verifier() -> None:
    assert not proves(VERIFIER, None)
    assert not proves(None, CHALLENGE)
    assert proves(None, None)


def test_a_verifier_of_the_wrong_form_proves_nothing() -> None:
    for verifier in ("", "short", "x" * 129, "é" * 43, VERIFIER + "\n"):
        assert not proves(verifier, s256(verifier))
