from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from token_core.protocol.authorization_request import MAX_REQUEST_CHARACTERS
from token_core.web.pending import PENDING_LIFETIME, PendingExpired, PendingRequest, open_pending, seal_pending

KEY, NOW = b"k" * 32, datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
REQUEST = PendingRequest((("client_id", "web"), ("state", "ü & =")), NOW)


def test_a_pending_request_comes_back_as_it_was():
    assert open_pending(KEY, seal_pending(KEY, REQUEST), NOW) == REQUEST


def test_a_request_that_took_too_long_has_to_be_made_again():
    sealed = seal_pending(KEY, REQUEST)
    assert open_pending(KEY, sealed, NOW + PENDING_LIFETIME) == REQUEST
    with pytest.raises(PendingExpired):
        open_pending(KEY, sealed, NOW + PENDING_LIFETIME + timedelta(seconds=1))


@pytest.mark.parametrize("place", [0, 20, 43, 60, -1])
def test_no_character_can_be_altered(place):
    sealed = seal_pending(KEY, REQUEST)
    at = place % len(sealed)
    altered = sealed[:at] + ("B" if sealed[at] != "B" else "C") + sealed[at + 1 :]
    with pytest.raises(PendingExpired):
        open_pending(KEY, altered, NOW)


@pytest.mark.parametrize("text", ["", "A", "é", "=" * 10, "A" * 100_000])
def test_what_was_never_sealed_is_refused(text):
    with pytest.raises(PendingExpired):
        open_pending(KEY, text, NOW)
    with pytest.raises(PendingExpired):
        open_pending(b"o" * 32, seal_pending(KEY, REQUEST), NOW)


def test_what_is_sealed_for_one_endpoint_opens_at_no_other():
    with pytest.raises(PendingExpired):
        open_pending(KEY, seal_pending(KEY, REQUEST, endpoint="logout"), NOW)


def test_the_longest_request_of_the_widest_characters_comes_back() -> None:
    pairs = (("\N{GRINNING FACE}", "\N{GRINNING FACE}"),) * (MAX_REQUEST_CHARACTERS // 2)
    longest = PendingRequest(pairs, NOW)
    assert open_pending(KEY, seal_pending(KEY, longest), NOW) == longest
