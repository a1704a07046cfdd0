"""What a browser calls itself is anybody's text: shown in words where we know it, cut where we don't."""

from __future__ import annotations

import pytest

from token_core.sessions.user_agent import described, is_phone

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 16) {WEBKIT} Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19.0 Safari/605.1.15", "Safari on Mac"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "Unknown browser"),
        (None, "Unknown browser"),
    ],
)
def test_a_browser_is_called_by_the_name_that_people_know(user_agent: str | None, expected: str) -> None:
    assert described(user_agent) == expected


def test_what_nobody_knows_is_cut() -> None:
    assert described("x" * 500) == "x" * 60 + "…"


def test_a_phone_is_told_from_a_desk() -> None:
    assert is_phone("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)")
    assert not is_phone("Mozilla/5.0 (X11; Linux x86_64)")
    assert not is_phone(None)
