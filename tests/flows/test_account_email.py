"""Another e-mail address: never by one mailbox alone, never twice by one link, and the old mailbox can take it back."""

from __future__ import annotations

import secrets
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from shared.database.steps import run
from shared.identity.changing_users import erasing_user
from shared.identity.ending import end_user_access
from shared.identity.recording import Recording
from tests.fixtures.hosted_pages import Page

if TYPE_CHECKING:
    import httpx

    from tests.fixtures.hosted_pages import Browser, Hosted, Person

CONFIRM, UNDO = "confirm_email_change", "undo_email_change"


def fresh_address() -> str:
    return f"new-{secrets.token_hex(6)}@example.org"


def signed_in(hosted: Hosted, person: Person) -> Browser:
    browser = hosted.browser()
    assert browser.sign_in(person).status_code == 200
    return browser


def wish(browser: Browser, email: str) -> httpx.Response:
    return browser.submit(browser.page("/account/email"), email=email)


def links(hosted: Hosted, person: Person) -> tuple[str, str]:
    """The tokens of the newest wish: in the old mailbox, in the new one."""
    sql = "SELECT parameters->>'to', id FROM email_log WHERE user_id = %s AND link_purpose = %s ORDER BY id"
    newest = dict(hosted.rows(sql, person.id, CONFIRM))
    return hosted.token(newest["old"], CONFIRM), hosted.token(newest["new"], CONFIRM)


def undo_link(hosted: Hosted, person: Person) -> str:
    token = hosted.latest_link(person, UNDO)
    assert token is not None
    return token


def press(hosted: Hosted, path: str, token: str) -> httpx.Response:
    """As whoever opens the mail: no session needed."""
    browser = hosted.browser()
    page = Page(browser.get(path, token=token))
    return browser.submit(page) if page.status == 200 else page.response


def address_of(hosted: Hosted, person: Person) -> str:
    return str(hosted.rows("SELECT email FROM users WHERE id = %s", person.id)[0][0])


def changed(hosted: Hosted) -> tuple[Person, str, str]:
    """Someone whose address was changed, the new one, and the link that takes it back."""
    person, email = hosted.person(), fresh_address()
    wish(signed_in(hosted, person), email)
    for token in links(hosted, person):
        assert press(hosted, "/email/change", token).status_code == 200
    assert address_of(hosted, person) == email
    return person, email, undo_link(hosted, person)


# What must not be


@pytest.mark.parametrize("side", [0, 1])
def test_one_mailbox_alone_changes_nothing(hosted: Hosted, side: int) -> None:
    person = hosted.person()
    wish(signed_in(hosted, person), fresh_address())
    token = links(hosted, person)[side]
    assert "one of two" in press(hosted, "/email/change", token).text
    assert press(hosted, "/email/change", token).status_code == 410, "and its link works once"
    assert address_of(hosted, person) == person.email
    assert hosted.events(str(person.id), "email_change.completed") == []


def test_opening_the_links_changes_nothing(hosted: Hosted) -> None:
    person = hosted.person()
    wish(signed_in(hosted, person), fresh_address())
    for token in links(hosted, person) * 2:
        assert hosted.browser().get("/email/change", token=token).status_code == 200
    assert address_of(hosted, person) == person.email


def test_of_many_presses_at_once_each_link_counts_once(hosted: Hosted) -> None:
    person, email = hosted.person(), fresh_address()
    wish(signed_in(hosted, person), email)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda token: press(hosted, "/email/change", token), list(links(hosted, person)) * 4))
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [410] * 6
    assert address_of(hosted, person) == email
    assert len(hosted.events(str(person.id), "email_change.completed")) == 1


def test_a_later_wish_voids_the_links_of_an_earlier_one(hosted: Hosted) -> None:
    person = hosted.person()
    browser = signed_in(hosted, person)
    wish(browser, fresh_address())
    earlier = links(hosted, person)
    wish(browser, fresh_address())
    for token in earlier:
        assert press(hosted, "/email/change", token).status_code == 410
    assert address_of(hosted, person) == person.email


def test_a_new_password_or_the_companys_word_voids_the_wish(hosted: Hosted) -> None:
    person = hosted.person()
    wish(signed_in(hosted, person), fresh_address())
    with hosted.database() as connection, connection.transaction():
        end_user_access(connection, person.id, "password_changed", datetime.now(UTC))
    for token in links(hosted, person):
        assert press(hosted, "/email/change", token).status_code == 410
    assert address_of(hosted, person) == person.email


def test_links_of_one_kind_open_nothing_of_another(hosted: Hosted) -> None:
    person, _, undo = changed(hosted)
    reset = hosted.mail(person, "password_reset", "set_password")
    for path, token in (("/email/change", undo), ("/email/undo", reset), ("/password/set", undo), ("/email/undo", "x")):
        assert hosted.browser().get(path, token=token).status_code == 400


def test_whether_an_address_is_taken_is_told_to_its_owner_alone(hosted: Hosted) -> None:
    person, owner = hosted.person(), hosted.person()
    free, taken = fresh_address(), owner.email
    texts = {wish(signed_in(hosted, person), email).text.replace(email, "…") for email in (free, taken)}
    assert len(texts) == 1
    old, new = links(hosted, person)
    assert press(hosted, "/email/change", old).status_code == 200
    refused = press(hosted, "/email/change", new)
    assert refused.status_code == 409
    assert address_of(hosted, person) == person.email
    assert address_of(hosted, owner) == owner.email
    assert hosted.events(str(person.id), "user.updated") == []


@pytest.mark.parametrize("bad", ["no address", "a@b", "two@@example.com", "x" * 300 + "@example.com", ""])
def test_what_is_no_address_is_refused_kindly(hosted: Hosted, bad: str) -> None:
    person = hosted.person()
    answer = wish(signed_in(hosted, person), bad)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert hosted.rows("SELECT 1 FROM email_changes WHERE user_id = %s", person.id) == []


def test_nobodys_mailbox_is_filled_from_here(hosted: Hosted) -> None:
    browser = signed_in(hosted, hosted.person())
    statuses = [wish(browser, fresh_address()).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


# The change


def test_both_mailboxes_agree_and_the_address_changes(hosted: Hosted) -> None:
    person, email = hosted.person(), fresh_address()
    browser = signed_in(hosted, person)
    reset = hosted.mail(person, "password_reset", "set_password")
    assert "Look into both mailboxes" in wish(browser, email).text
    assert email in browser.get("/account").text
    old, new = links(hosted, person)
    press(hosted, "/email/change", new)
    assert "Your e-mail address is changed" in press(hosted, "/email/change", old).text
    row = hosted.rows(
        "SELECT email, email_canonical, email_verified_at IS NOT NULL FROM users WHERE id = %s", person.id
    )
    assert row == [(email, email, True)]
    assert hosted.browser().get("/password/set", token=reset).status_code == 410, "it went to the old mailbox"
    assert hosted.browser().sign_in(person).status_code == 401
    person.email = email
    assert hosted.browser().sign_in(person).status_code == 200
    types = [event["type"] for event in hosted.events(str(person.id)) if "email_change" in event["type"]]
    assert types == [f"email_change.{step}" for step in ("requested", "confirmed", "confirmed", "completed")]
    (updated,) = hosted.events(str(person.id), "user.updated")
    assert email not in str(hosted.events(str(person.id))), "an address is in no event in the clear"
    assert updated["personal"]


# The way back


def test_the_old_mailbox_takes_the_change_back_and_everything_that_was_open_ends(hosted: Hosted) -> None:
    person, email, undo = changed(hosted)
    thief = hosted.browser()
    thief.sign_in(type(person)(person.id, email, person.password))
    assert "The change is taken back" in press(hosted, "/email/undo", undo).text
    assert address_of(hosted, person) == person.email
    assert thief.http.get("/account").status_code == 303
    assert hosted.browser().sign_in(person).status_code == 401, "the password may be the thief's"
    reset = hosted.latest_link(person, "set_password") or ""
    browser = hosted.browser()
    browser.submit(browser.page("/password/set", token=reset), password="nine old hats", repeated="nine old hats")
    assert hosted.browser().sign_in(person, password="nine old hats").status_code == 200
    assert press(hosted, "/email/undo", undo).status_code == 410, "once"
    assert len(hosted.events(str(person.id), "email_change.reverted")) == 1


def test_a_thief_who_sets_a_password_or_moves_on_does_not_take_the_way_back_away(hosted: Hosted) -> None:
    person, email, undo = changed(hosted)
    thief = type(person)(person.id, email, person.password)
    browser = signed_in(hosted, thief)
    page = browser.page("/account/password")
    fields = {"current": person.password, "password": "mine now, all mine", "repeated": "mine now, all mine"}
    browser.submit(page, **fields)
    wish(browser, fresh_address())
    for token in links(hosted, person):
        press(hosted, "/email/change", token)
    assert address_of(hosted, person) not in (person.email, email)
    thiefs_undo = undo_link(hosted, person)
    assert "The change is taken back" in press(hosted, "/email/undo", undo).text
    assert address_of(hosted, person) == person.email
    assert press(hosted, "/email/undo", thiefs_undo).status_code == 410, "nor does the thief's own undo work any more"
    assert address_of(hosted, person) == person.email


def test_an_undo_expires_and_gives_nobody_an_address_that_another_has(hosted: Hosted) -> None:
    person, _, undo = changed(hosted)
    expired = "UPDATE email_log SET link_expires_at = now() - interval '1 second' WHERE user_id = %s RETURNING 1"
    hosted.rows(expired, person.id)
    assert press(hosted, "/email/undo", undo).status_code == 410
    later, email, second = changed(hosted)
    other = hosted.person()
    taken = "UPDATE users SET email = %s, email_canonical = %s WHERE id = %s RETURNING 1"
    hosted.rows(taken, later.email, later.email, other.id)
    assert press(hosted, "/email/undo", second).status_code == 409
    assert address_of(hosted, later) == email


def test_an_undo_leaves_an_address_that_the_company_gave_since(hosted: Hosted) -> None:
    person, _, undo = changed(hosted)
    given = fresh_address()
    hosted.rows("UPDATE users SET email = %s, email_canonical = %s WHERE id = %s RETURNING 1", given, given, person.id)
    assert press(hosted, "/email/undo", undo).status_code == 410
    assert address_of(hosted, person) == given


def test_a_disabled_persons_links_are_void(hosted: Hosted) -> None:
    person, _, undo = changed(hosted)
    hosted.rows("UPDATE users SET status = 'disabled' WHERE id = %s RETURNING 1", person.id)
    assert press(hosted, "/email/undo", undo).status_code == 410


def test_mails_of_a_change_name_it_and_hold_no_address(hosted: Hosted) -> None:
    person, email, _ = changed(hosted)
    sql = "SELECT template, parameters, link_expires_at - created_at FROM email_log WHERE user_id = %s ORDER BY id"
    rows = hosted.rows(sql, person.id)
    assert [(template, parameters["to"]) for template, parameters, _ in rows] == [
        ("email_change", "old"),
        ("email_change", "new"),
        ("email_changed", "old"),
    ]
    assert all(uuid.UUID(parameters["change"]) for _, parameters, _ in rows)
    assert email not in str(rows)
    assert rows[-1][2] - timedelta(days=7) < timedelta(seconds=10)


def test_an_erased_persons_addresses_are_in_no_change_any_more(hosted: Hosted) -> None:
    person, _, undo = changed(hosted)
    with hosted.database() as connection, connection.transaction():
        recording = Recording("platform", datetime.now(UTC))
        run(connection, erasing_user(recording, person.id, hosted.subject_keys()))
    assert hosted.rows("SELECT 1 FROM email_changes WHERE user_id = %s", person.id) == []
    assert press(hosted, "/email/undo", undo).status_code == 410
