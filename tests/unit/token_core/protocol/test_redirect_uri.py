from __future__ import annotations

import pytest

from token_core.protocol.redirect_uri import is_registered_redirect_uri as is_registered


@pytest.mark.parametrize("uri", ["https://a.example/cb", "com.example.app:/cb", "http://[::1]/cb"])
def test_a_redirect_uri_is_compared_character_for_character(uri):
    assert is_registered(uri, [uri])
    for other in (uri + "/", uri + "?", uri + " ", uri.upper(), uri[:-1], uri + "%2f"):
        assert not is_registered(other, [uri])


def test_loopback_addresses_may_have_any_port():
    assert is_registered("http://[::1]:5000/cb?x=1", ["http://[::1]/cb?x=1"])
    assert is_registered("http://127.0.0.1:5000", ["http://127.0.0.1:1"])
    assert not is_registered("http://[::1]:5000/cb", ["http://127.0.0.1/cb"])
    assert not is_registered("http://127.0.0.1:5000/cb#x", ["http://127.0.0.1/cb"])
    assert not is_registered("http://127.0.0.2:5000/cb", ["http://127.0.0.1/cb"])


def test_nothing_is_registered_where_nothing_is():
    assert not is_registered("https://a.example/cb", [])
    assert not is_registered("", [])
