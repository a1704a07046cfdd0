from __future__ import annotations

import pytest

from token_core.protocol.authorization_request import ReplyAddress
from token_core.protocol.authorization_response import (
    error_parameters,
    form_action_source,
    success_parameters,
    with_query,
)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://a.example/cb", "https://a.example/cb?s=1+2"),
        ("https://a.example/cb?", "https://a.example/cb?s=1+2"),
        ("https://a.example/cb?x=1", "https://a.example/cb?x=1&s=1+2"),
        ("com.example:/cb", "com.example:/cb?s=1+2"),
    ],
)
def test_parameters_are_added_to_the_uris_own_query(uri, expected):
    assert with_query(uri, {"s": "1 2"}) == expected


def test_line_breaks_never_reach_the_header():
    assert "\n" not in with_query("https://a.example/", {"state": "a\r\nSet-Cookie: x"})


def test_every_answer_names_the_issuer_and_repeats_the_state():
    reply = ReplyAddress("c", "https://a.example/cb", "query", "st")
    assert success_parameters(reply, "code", "https://i") == {"code": "code", "state": "st", "iss": "https://i"}
    assert error_parameters(reply, "e", "d", "https://i")["iss"] == "https://i"
    assert "state" not in success_parameters(ReplyAddress("c", "u", "query", None), "code", "i")


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://a.example/cb?x=1", "https://a.example"),
        ("https://a.example:8443/cb", "https://a.example:8443"),
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1:5000"),
        ("http://[::1]:5000/cb", "http:"),
        ("com.example.app:/cb", "com.example.app:"),
        ("https://a.example;script-src * /cb", "https:"),
    ],
)
def test_a_form_action_source_is_one_that_browsers_understand(uri, source):
    assert form_action_source(uri) == source
