"""Forgotten passwords and mailed links: single use, equal answers, and what a new password ends."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.hosted_pages import answer_of, authorize_url

if TYPE_CHECKING:
    import httpx

    from tests.fixtures.hosted_pages import Hosted

NEW = "seven green bottles"


def forgotten(hosted: Hosted, email: str) -> httpx.Response:
    browser = hosted.browser()
    return browser.submit(browser.page("/password/forgot"), email=email)


def set_password(hosted: Hosted, token: str, password: str = NEW) -> httpx.Response:
    browser = hosted.browser()
    return browser.submit(browser.page("/password/set", token=token), password=password, repeated=password)


# Nobody learns who has an account


def test_a_forgotten_password_is_answered_the_same_for_everybody(hosted: Hosted) -> None:
    person, disabled = hosted.person(), hosted.person()
    hosted.rows("UPDATE users SET status = 'disabled' WHERE id = %s RETURNING 1", disabled.id)
    answers = [forgotten(hosted, email) for email in (person.email, disabled.email, "nobody@example.com", "no address")]
    seen = []
    for answer in answers:
        may_differ = {"date", "x-request-id"}
        headers = sorted((name, value) for name, value in answer.headers.multi_items() if name not in may_differ)
        seen.append((answer.status_code, headers, answer.text))
    assert all(one == seen[0] for one in seen)
    assert answers[0].status_code == 200


def test_a_mail_is_written_only_for_an_active_account(hosted: Hosted) -> None:
    person, disabled = hosted.person(), hosted.person()
    hosted.rows("UPDATE users SET status = 'disabled' WHERE id = %s RETURNING 1", disabled.id)
    before = hosted.rows("SELECT count(*) FROM email_log")[0][0]
    for email in (person.email, disabled.email, "nobody@example.com"):
        forgotten(hosted, email)
    assert hosted.rows("SELECT count(*) FROM email_log")[0][0] == before + 1
    assert hosted.latest_link(person, "set_password")


def test_asking_for_a_link_is_recorded_without_the_address(hosted: Hosted) -> None:
    person = hosted.person()
    forgotten(hosted, person.email)
    forgotten(hosted, "somebody-else@example.com")
    assert [event["type"] for event in hosted.events(str(person.id))][-2:] == [
        "email.requested",
        "password.reset_requested",
    ]
    assert "somebody-else@example.com" not in json.dumps(hosted.every_event())


def test_nobodys_mailbox_is_flooded(hosted: Hosted) -> None:
    person = hosted.person()
    answers = {forgotten(hosted, person.email).text for _ in range(8)}
    assert len(answers) == 1, "also when no mail is written any more"
    assert hosted.rows("SELECT count(*) FROM email_log WHERE user_id = %s", person.id)[0][0] <= 6


def test_asking_for_device_links_keeps_nobody_from_a_new_password(hosted: Hosted) -> None:
    person, stranger = hosted.person(), hosted.browser()
    form = stranger.page("/password/forgot").fields() | {"email": person.email}
    for _ in range(8):
        assert stranger.http.post("/device/trust/request", data=form).status_code == 200
    assert hosted.latest_link(person, "set_password") is None
    forgotten(hosted, person.email)
    assert hosted.latest_link(person, "set_password")


# Links


def test_a_link_sets_a_password_once(hosted: Hosted) -> None:
    person = hosted.person()
    forgotten(hosted, person.email)
    token = hosted.latest_link(person, "set_password") or ""
    assert "Your password is set" in set_password(hosted, token).text
    assert "You are signed in" in hosted.browser().sign_in(person, password=NEW).text
    assert hosted.browser().sign_in(person).status_code == 401, "the old one is gone"
    browser = hosted.browser()
    page = browser.page("/password/forgot")
    replay = page.fields() | {"token": token, "password": "another good one", "repeated": "another good one"}
    assert browser.http.post("/password/set", data=replay).status_code == 410
    assert browser.get("/password/set", token=token).status_code == 410
    assert "You are signed in" in hosted.browser().sign_in(person, password=NEW).text


def test_of_many_uses_of_one_link_exactly_one_wins(hosted: Hosted) -> None:
    person = hosted.person()
    token = hosted.mail(person, "password_reset", "set_password")
    browsers = [hosted.browser() for _ in range(8)]
    pages = [browser.page("/password/set", token=token) for browser in browsers]

    def use(number: int) -> int:
        word = f"a new password {number}"
        return browsers[number].submit(pages[number], password=word, repeated=word).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(use, range(8))) == [200] + [410] * 7
    assert len(hosted.events(str(person.id), "password.set")) == 1


def test_opening_a_link_consumes_nothing(hosted: Hosted) -> None:
    person = hosted.person()
    for purpose, path in (
        ("set_password", "/password/set"),
        ("verify_email", "/email/verify"),
        ("trust_device", "/device/trust"),
    ):
        token = hosted.mail(person, "any", purpose)
        for _ in range(2):
            assert hosted.browser().get(path, token=token).status_code == 200


@pytest.mark.parametrize(
    ("path", "purpose"),
    [("/password/set", "set_password"), ("/email/verify", "verify_email"), ("/device/trust", "trust_device")],
)
def test_an_expired_link_leads_to_a_clear_page(hosted: Hosted, path: str, purpose: str) -> None:
    token = hosted.mail(hosted.person(), "any", purpose, age=timedelta(hours=2))
    answer = hosted.browser().get(path, token=token)
    assert answer.status_code == 410
    assert "This link has expired" in answer.text
    assert re.search(r'class="button[^"]*" href="/', answer.text), "and there is a way on"


@pytest.mark.parametrize("path", ["/password/set", "/email/verify", "/device/trust"])
@pytest.mark.parametrize("case", ["of another purpose", "altered", "empty", "garbage"])
def test_a_token_that_was_never_made_for_this_is_refused(hosted: Hosted, path: str, case: str) -> None:
    purposes = {"/password/set": "verify_email", "/email/verify": "trust_device", "/device/trust": "set_password"}
    genuine = hosted.mail(hosted.person(), "any", purposes[path])
    token = {"of another purpose": genuine, "altered": genuine[:-5] + "AAAAA", "empty": "", "garbage": "é" * 3000}[case]
    assert hosted.browser().get(path, token=token).status_code == 400
    browser = hosted.browser()
    fields = browser.page("/sign-in").fields() | {"token": token, "password": NEW, "repeated": NEW}
    assert browser.http.post(path, data=fields).status_code == 400


# What a new password ends


def test_a_new_password_ends_sessions_families_and_links(hosted: Hosted) -> None:
    person, app = hosted.person(), hosted.app()
    elsewhere = hosted.browser()
    elsewhere.sign_in(person)
    code = answer_of(elsewhere.get(authorize_url(app.ask(scope="openid offline_access"))))["code"]
    refresh_token = hosted.redeem(app, code).json()["refresh_token"]
    others = [hosted.mail(person, "any", purpose) for purpose in ("set_password", "verify_email", "trust_device")]
    set_password(hosted, hosted.mail(person, "password_reset", "set_password"))

    assert "You are signed in" not in elsewhere.get("/sign-in").text
    refreshed = hosted.refresh(app, refresh_token)
    assert refreshed.status_code == 400
    assert refreshed.json()["error"] == "invalid_grant"
    paths = ("/password/set", "/email/verify", "/device/trust")
    assert [hosted.browser().get(path, token=token).status_code for path, token in zip(paths, others, strict=True)] == [
        410
    ] * 3
    types = [event["type"] for event in hosted.events(str(person.id))]
    for expected in ("password.set", "session.ended", "token.revoked", "email.verified", "device.trusted"):
        assert expected in types
    mails = hosted.rows(
        "SELECT template, parameters FROM email_log WHERE user_id = %s ORDER BY id DESC LIMIT 1", person.id
    )
    assert mails == [("security_notice", {"what": "password_changed"})]


def test_a_link_mailed_before_a_password_change_is_dead_even_if_it_was_not_voided(hosted: Hosted) -> None:
    person = hosted.person()
    token = hosted.mail(person, "any", "set_password")
    hosted.rows("UPDATE users SET credentials_changed_at = now() WHERE id = %s RETURNING 1", person.id)
    assert hosted.browser().get("/password/set", token=token).status_code == 410


def test_setting_a_password_verifies_the_address_and_knows_the_device(hosted: Hosted) -> None:
    person, browser = hosted.person(password=None), hosted.browser()
    page = browser.page("/password/set", token=hosted.mail(person, "welcome", "set_password"))
    browser.submit(page, password=NEW, repeated=NEW)
    assert hosted.rows("SELECT email_verified_at IS NOT NULL FROM users WHERE id = %s", person.id) == [(True,)]
    assert browser.cookie("session") is None, "the password has still to be given"
    browser.sign_in(person, password=NEW)
    payload = json.loads(hosted.events(str(person.id), "sign_in.succeeded")[0]["payload"])
    assert payload["device_known"] is True


@pytest.mark.parametrize("word", ["short", "password1234", "aaaaaaaaaaaaaaa", "x" * 300, "different"])
def test_a_password_against_the_policy_is_refused_with_the_reason(hosted: Hosted, word: str) -> None:
    person, browser = hosted.person(), hosted.browser()
    page = browser.page("/password/set", token=hosted.mail(person, "any", "set_password"))
    repeated = "unlike the other" if word == "different" else word
    answer = browser.submit(page, password=word, repeated=repeated)
    assert answer.status_code == 422
    assert 'id="error"' in answer.text
    assert f'value="{word}"' not in answer.text
    assert "You are signed in" in hosted.browser().sign_in(person).text, "nothing was changed"


def test_a_password_of_any_script_is_taken_in_any_normal_form(hosted: Hosted) -> None:
    person = hosted.person()
    set_password(hosted, hosted.mail(person, "any", "set_password"), "Gru\u0308\u00dfe aus Zu\u0308rich \U0001f511")
    assert (
        "You are signed in"
        in hosted.browser().sign_in(person, password="Gr\u00fc\u00dfe aus Z\u00fcrich \U0001f511").text
    )


def test_no_link_is_anywhere_in_the_database_or_the_log(hosted: Hosted) -> None:
    person = hosted.person()
    forgotten(hosted, person.email)
    token = hosted.latest_link(person, "set_password") or ""
    set_password(hosted, token)
    assert token not in json.dumps(hosted.every_event())
    assert token not in str(hosted.rows("SELECT e::text FROM email_log e WHERE user_id = %s", person.id))
    assert token not in hosted.log.read_text()
    assert NEW not in hosted.log.read_text()


def test_a_first_password_is_no_change_that_anybody_is_warned_of(hosted: Hosted) -> None:
    person = hosted.person(password=None)
    assert "Your password is set" in set_password(hosted, hosted.mail(person, "welcome", "set_password")).text
    assert hosted.rows("SELECT template FROM email_log WHERE user_id = %s", person.id) == [("welcome",)]
    assert len(hosted.events(str(person.id), "password.set")) == 1
