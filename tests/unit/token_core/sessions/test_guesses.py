from __future__ import annotations

from datetime import UTC, datetime, timedelta

from token_core.sessions import guesses
from token_core.sessions.guesses import Budget, GuessLimits

KEY = b"k" * 32


def test_no_hour_holds_more_than_what_is_promised():
    """Any sixty minutes touch two windows at most."""
    limits = GuessLimits(account_per_hour=20)
    start = datetime(2026, 11, 21, 12, 59, 59, tzinfo=UTC)
    windows = {guesses.window_start(start + timedelta(seconds=second)) for second in range(3600)}
    assert len(windows) == 2
    assert len(windows) * limits.per_window(Budget.ACCOUNT) <= 20


def test_an_ipv6_household_is_one_address():
    first = guesses.address_key(KEY, "2001:db8:1:1::1")
    assert first == guesses.address_key(KEY, "2001:db8:1:1:ffff::2")
    assert first != guesses.address_key(KEY, "2001:db8:1:2::1")
    assert guesses.address_key(KEY, "::ffff:192.0.2.1") == guesses.address_key(KEY, "192.0.2.1")
    assert guesses.address_key(KEY, "192.0.2.1") != guesses.address_key(KEY, "192.0.2.2")


def test_budgets_of_different_kinds_share_no_key():
    text = "a@example.com"
    keys = {
        guesses.account_key(KEY, text).key,
        guesses.mail_key(KEY, "set_password", text).key,
        guesses.address_key(KEY, text).key,
    }
    assert len(keys) == 3
    assert guesses.account_key(KEY, text) != guesses.account_key(b"o" * 32, text)


def test_the_next_window_is_never_now():
    for moment in (datetime(2026, 1, 1, 12, 0, tzinfo=UTC), datetime(2026, 1, 1, 12, 59, 59, 999999, tzinfo=UTC)):
        assert 1 <= guesses.seconds_to_next_window(moment) <= 3601
