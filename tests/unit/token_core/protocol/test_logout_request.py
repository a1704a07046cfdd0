from __future__ import annotations

from dataclasses import dataclass

import pytest

from token_core.protocol.authorization_request import Parameters
from token_core.protocol.logout_request import (
    LogoutRefused,
    check_not_repeated,
    read_logout_client_id,
    read_logout_request,
)
from token_core.tokens.id_token_hint import VerifiedHint

HINT = VerifiedHint("me", "web", "sid")


@dataclass(frozen=True)
class Client:
    client_id: str = "web"
    post_logout_redirect_uris: tuple[str, ...] = ("https://a.example/bye",)


def parameters(**values: str) -> Parameters:
    return Parameters(values.items())


def test_the_client_is_the_one_the_id_token_was_for():
    assert read_logout_client_id(parameters(), HINT) == "web"
    assert read_logout_client_id(parameters(client_id="web"), HINT) == "web"
    assert read_logout_client_id(parameters(client_id="other"), None) == "other"
    with pytest.raises(LogoutRefused):
        read_logout_client_id(parameters(client_id="other"), HINT)


def test_the_way_back_is_registered_character_for_character():
    good = parameters(post_logout_redirect_uri="https://a.example/bye", state="s")
    assert read_logout_request(good, Client(), HINT).redirect_uri == "https://a.example/bye"
    assert read_logout_request(good, Client(), HINT).state == "s"
    with pytest.raises(LogoutRefused):
        read_logout_request(good, None, None)
    with pytest.raises(LogoutRefused):
        read_logout_request(parameters(post_logout_redirect_uri="https://a.example/bye/"), Client(), HINT)


def test_a_state_without_a_way_back_goes_nowhere():
    assert read_logout_request(parameters(state="s"), Client(), HINT).state is None


def test_a_repeated_parameter_is_refused():
    with pytest.raises(LogoutRefused):
        check_not_repeated(Parameters([("state", "1"), ("state", "2")]))
