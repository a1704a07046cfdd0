"""Links that a button confirms: an address, a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fixtures.hosted_pages import Hosted


def test_an_address_is_verified_by_pressing_the_button_once(hosted: Hosted) -> None:
    person, browser = hosted.person(), hosted.browser()
    token = hosted.mail(person, "email_verification", "verify_email")
    page = browser.page("/email/verify", token=token)
    assert hosted.rows("SELECT email_verified_at FROM users WHERE id = %s", person.id) == [(None,)]
    assert browser.submit(page).status_code == 200
    assert hosted.rows("SELECT email_verified_at IS NOT NULL FROM users WHERE id = %s", person.id) == [(True,)]
    assert len(hosted.events(str(person.id), "email.verified")) == 1
    assert browser.submit(page).status_code == 410


def test_a_device_is_trusted_by_pressing_the_button_once(hosted: Hosted) -> None:
    person, browser = hosted.person(), hosted.browser()
    token = hosted.mail(person, "trust_device", "trust_device")
    page = browser.page("/device/trust", token=token)
    assert browser.submit(page).status_code == 200
    assert browser.cookie("device")
    assert len(hosted.events(str(person.id), "device.trusted")) == 1
    assert hosted.browser().get("/device/trust", token=token).status_code == 410


def test_people_who_share_a_browser_are_both_known_to_it(hosted: Hosted) -> None:
    first, second, browser = hosted.person(), hosted.person(), hosted.browser()
    for person in (first, second, first, second):
        browser.get("/signed-out")
        browser.http.cookies.delete("session", domain="localhost.local")
        assert browser.sign_in(person).status_code == 200
    for person in (first, second):
        known = [
            '"device_known":true' in event["payload"] for event in hosted.events(str(person.id), "sign_in.succeeded")
        ]
        assert known == [False, True]


def test_a_device_cookie_of_one_person_is_worth_nothing_for_another(hosted: Hosted) -> None:
    owner, thief, browser = hosted.person(), hosted.person(), hosted.browser()
    browser.sign_in(owner)
    browser.http.cookies.delete("session", domain="localhost.local")
    browser.sign_in(thief)
    events = hosted.events(str(thief.id), "sign_in.succeeded")
    assert '"device_known":false' in events[0]["payload"]


def test_asking_for_a_device_link_is_answered_the_same_for_everybody(hosted: Hosted) -> None:
    person = hosted.person()
    answers = []
    for email in (person.email, "nobody@example.com"):
        browser = hosted.browser()
        fields = browser.page("/sign-in").fields() | {"email": email}
        answers.append(browser.http.post("/device/trust/request", data=fields))
    assert answers[0].text == answers[1].text
    assert answers[0].status_code == answers[1].status_code == 200
    assert hosted.latest_link(person, "trust_device")
