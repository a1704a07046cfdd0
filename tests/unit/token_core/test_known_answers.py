"""The examples of the RFCs, as they print them (tests/vectors/)."""

from __future__ import annotations

import json
from pathlib import Path

from token_core.protocol.client_auth import BASIC, UnverifiedClient, read_client
from token_core.protocol.form import form_decode, parse_form
from token_core.protocol.pkce import is_challenge, proves, s256
from token_core.tokens.id_token import half_hash

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "oauth.json").read_text())


def test_pkce_s256_of_rfc_7636_appendix_b() -> None:
    vector = VECTORS["pkce"]
    assert s256(vector["code_verifier"]) == vector["code_challenge"]
    assert is_challenge(vector["code_challenge"])
    assert proves(vector["code_verifier"], vector["code_challenge"])


def test_basic_credentials_of_rfc_6749_2_3_1() -> None:
    vector = VECTORS["basic"]
    assert read_client(vector["authorization"].encode(), {}) == UnverifiedClient(
        BASIC, vector["client_id"], vector["client_secret"]
    )


def test_form_encoding_of_rfc_6749_appendix_b() -> None:
    vector = VECTORS["form"]
    assert form_decode(vector["encoded"].encode()) == "".join(map(chr, vector["code_points"]))


def test_a_token_request_of_rfc_6749_4_1_3() -> None:
    vector = VECTORS["token_request"]
    assert parse_form(vector["body"].encode()) == vector["parameters"]


def test_at_hash_of_openid_connect_core_a_3() -> None:
    vector = VECTORS["at_hash"]
    assert half_hash(vector["access_token"]) == vector["at_hash"]
