from __future__ import annotations

import pytest

from token_core.web.client_address import client_address


@pytest.mark.parametrize(
    ("forwarded", "hops", "expected"),
    [
        ([], 0, "10.0.0.1"),
        (["6.6.6.6"], 0, "10.0.0.1"),
        (["6.6.6.6, 192.0.2.7"], 1, "192.0.2.7"),
        (["6.6.6.6", "192.0.2.7"], 1, "192.0.2.7"),
        (["6.6.6.6, 192.0.2.7, 10.0.0.9"], 2, "192.0.2.7"),
        (["192.0.2.7"], 2, "10.0.0.1"),
        (["nonsense"], 1, "10.0.0.1"),
        (["2001:DB8::1"], 1, "2001:db8::1"),
    ],
)
def test_only_configured_hops_are_believed(forwarded, hops, expected):
    assert client_address("10.0.0.1", forwarded, hops) == expected


def test_without_a_peer_there_is_still_a_word():
    assert client_address(None, [], 0) == "unknown"
