"""A mail is sent to the person as they are now: never to one who is gone, never with a link that would not open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.send_email.mail import Mail
from shared.ids import new_id

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAIL = Mail(
    id=new_id(), user_id=new_id(), template="welcome", parameters={}, state="handed_over", request_id=None,
    link_purpose="set_password", link_expires_at=NOW + HOUR, link_spent_at=None, link_void_at=None,
    created_at=NOW - HOUR, sending_at=None, user_status="active", email="Ada@example.com",
    email_canonical="ada@example.com", profile={}, credentials_changed_at=None,
)  # fmt: skip


def test_a_mail_with_a_live_link_is_sent() -> None:
    assert MAIL.reason_not_to_send(NOW) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"user_status": None}, "user_erased"), ({"user_status": "erased"}, "user_erased"), ({"email": None}, "user_erased"),
        ({"email_canonical": None}, "user_erased"), ({"user_status": "disabled"}, "user_disabled"),
        ({"link_void_at": NOW}, "link_void"), ({"link_spent_at": NOW}, "link_spent"),
        ({"credentials_changed_at": NOW}, "link_void"), ({"link_expires_at": NOW}, "link_expired"),
        ({"link_expires_at": None}, "link_expired"),
    ],
)  # fmt: skip
def test_a_mail_that_nobody_should_get_says_why(change: dict[str, object], reason: str) -> None:
    assert replace(MAIL, **change).reason_not_to_send(NOW) == reason


def test_a_notice_is_sent_whatever_became_of_links_and_passwords() -> None:
    notice = replace(MAIL, link_purpose=None, link_expires_at=None, credentials_changed_at=NOW)
    assert notice.reason_not_to_send(NOW) is None


def test_a_link_asked_for_after_the_password_changed_is_good() -> None:
    assert replace(MAIL, credentials_changed_at=MAIL.created_at - HOUR).reason_not_to_send(NOW) is None


def test_taking_an_e_mail_change_back_outlives_a_new_password() -> None:
    """Whoever took the account over sets one first."""
    changed = MAIL.created_at + timedelta(seconds=1)
    undo = replace(MAIL, link_purpose="undo_email_change", credentials_changed_at=changed)
    assert undo.reason_not_to_send(MAIL.created_at) is None
    confirm = replace(MAIL, link_purpose="confirm_email_change", credentials_changed_at=changed)
    assert confirm.reason_not_to_send(MAIL.created_at) == "link_void"
