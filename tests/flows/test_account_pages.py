"""A person's own account: what nobody else can do with it first, then the password, devices, applications and data."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.hosted_pages import Page, answer_of, authorize_url

if TYPE_CHECKING:
    import httpx

    from tests.fixtures.hosted_pages import App, Browser, Hosted, Person

NEW = "seven green bottles"
FORMS = ("/account/places/end", "/account/places/end-others", "/account/access/revoke", "/account/password")
FORMS += ("/account/email", "/account/data")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in(hosted: Hosted, person: Person, user_agent: str = "a browser") -> Browser:
    browser = hosted.browser()
    browser.http.headers["user-agent"] = user_agent
    assert browser.sign_in(person).status_code == 200
    return browser


def send(browser: Browser, path: str, **fields: str) -> httpx.Response:
    """A form of the account page, as the browser sends it; not followed."""
    return browser.http.post(
        path, data={"form_token": browser.page("/account/password").fields()["form_token"], **fields}
    )


def change_password(browser: Browser, current: str, new: str = NEW) -> httpx.Response:
    page = browser.page("/account/password")
    return browser.http.post(page.action, data=page.fields() | {"current": current, "password": new, "repeated": new})


def places(browser: Browser) -> list[str]:
    return re.findall(r'name="place" value="([^"]+)"', browser.get("/account").text)


def sessions(hosted: Hosted, person: Person) -> list[uuid.UUID]:
    """Live ones, the earliest first."""
    sql = "SELECT id FROM sign_in_sessions WHERE user_id = %s AND ended_at IS NULL ORDER BY id"
    return [row[0] for row in hosted.rows(sql, person.id)]


def age_sign_in(hosted: Hosted, person: Person, age: timedelta) -> None:
    sql = "UPDATE sign_in_sessions SET authenticated_at = %s WHERE user_id = %s RETURNING 1"
    hosted.rows(sql, datetime.now(UTC) - age, person.id)


def refresh_token(hosted: Hosted, browser: Browser, app: App) -> str:
    code = answer_of(browser.get(authorize_url(app.ask(scope="openid offline_access"))))["code"]
    return str(hosted.redeem(app, code).json()["refresh_token"])


# What nobody may


@pytest.mark.parametrize("path", ["/account", "/account/password", "/account/email", "/account/data"])
def test_an_account_is_shown_to_nobody_who_is_not_signed_in(hosted: Hosted, path: str) -> None:
    answer = hosted.browser().http.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("path", FORMS)
def test_no_form_changes_anything_without_a_session(hosted: Hosted, path: str) -> None:
    browser = hosted.browser()
    token = browser.page("/sign-in").fields()["form_token"]
    answer = browser.http.post(path, data={"form_token": token, "place": str(uuid.uuid4()), "current": "x"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("path", FORMS)
def test_a_form_from_elsewhere_is_refused(hosted: Hosted, path: str) -> None:
    person = hosted.person()
    browser, other = signed_in(hosted, person), signed_in(hosted, person)
    (place,) = places(browser)
    fields = {"place": place, "email": "new@example.com", "current": person.password, "password": NEW, "repeated": NEW}
    before = len(hosted.events(str(person.id)))
    foreign = other.page("/account").fields()["form_token"]
    for token in (None, "x", foreign):
        data = fields if token is None else fields | {"form_token": token}
        assert browser.http.post(path, data=data).status_code == 403
    good = fields | {"form_token": browser.page("/account").fields()["form_token"]}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.http.post(path, data=good, headers=headers).status_code == 403
    assert len(hosted.events(str(person.id))) == before
    assert len(sessions(hosted, person)) == 2


def test_nobody_ends_another_persons_session_or_device(hosted: Hosted) -> None:
    victim, thief = hosted.person(), hosted.person()
    theirs = signed_in(hosted, victim)
    browser = signed_in(hosted, thief)
    (session_id,) = sessions(hosted, victim)
    (device_id,) = hosted.rows("SELECT id FROM device_credentials WHERE user_id = %s", victim.id)[0]
    for place in (session_id, device_id, uuid.uuid4()):
        assert send(browser, "/account/places/end", place=str(place)).status_code == 404
    assert send(browser, "/account/places/end", place="no id").status_code == 400
    send(browser, "/account/places/end-others")
    assert sessions(hosted, victim) == [session_id]
    assert "Your account" in theirs.get("/account").text
    assert hosted.rows("SELECT 1 FROM device_credentials WHERE id = %s", device_id)


def test_nobody_revokes_what_another_person_allowed(hosted: Hosted) -> None:
    victim, thief, app = hosted.person(), hosted.person(), hosted.app()
    token = refresh_token(hosted, signed_in(hosted, victim), app)
    assert send(signed_in(hosted, thief), "/account/access/revoke", client=app.client_id).status_code == 404
    assert hosted.refresh(app, token).status_code == 200


@pytest.mark.parametrize(("path", "onward"), [("/account/email", "email"), ("/account/data", "data")])
def test_what_lasts_needs_a_sign_in_of_the_last_five_minutes(hosted: Hosted, path: str, onward: str) -> None:
    person = hosted.person()
    browser = signed_in(hosted, person)
    form = browser.page(path)
    age_sign_in(hosted, person, timedelta(minutes=5, seconds=1))
    for answer in (
        browser.http.get(path),
        browser.http.post(path, data=form.fields() | {"email": "new@example.com"}),
    ):
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/sign-in?next={onward}"
    assert hosted.rows("SELECT 1 FROM email_changes WHERE user_id = %s", person.id) == []
    assert hosted.events(str(person.id), "user.data_exported") == []
    page = browser.page(path)
    assert page.heading == "Sign in"
    assert page.fields()["email"] == person.email
    again = Page(browser.sign_in(person, page))
    assert (again.response.status_code, again.action) == (200, path)


def test_a_sign_in_leads_to_no_address_from_outside(hosted: Hosted) -> None:
    person = hosted.person()
    for onward in ("https://evil.example", "//evil.example", "/oauth2/logout", "nothing"):
        browser = hosted.browser()
        page = browser.page("/sign-in", next=onward)
        assert "next" not in page.fields()
        data = page.fields() | {"email": person.email, "password": person.password, "next": onward}
        assert browser.http.post("/sign-in", data=data).headers["location"] == "/sign-in"


def test_account_pages_stand_alone_in_their_window(hosted: Hosted) -> None:
    browser = signed_in(hosted, hosted.person())
    for path in ("/account", "/account/password", "/account/email", "/account/data", "/email/change", "/email/undo"):
        answer = browser.http.get(path)
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "script-src" not in answer.headers["content-security-policy"]


# The password


def test_a_password_changes_only_with_the_current_one(hosted: Hosted) -> None:
    person = hosted.person()
    browser = signed_in(hosted, person)
    refused = change_password(browser, "not this one")
    assert refused.status_code == 422
    assert "current password is wrong" in refused.text
    assert hosted.events(str(person.id), "password.set") == []
    assert signed_in(hosted, person)


@pytest.mark.parametrize("bad", ["short", "password1234", "correct horse battery staple"])
def test_a_new_password_obeys_the_policy_and_is_new(hosted: Hosted, bad: str) -> None:
    person = hosted.person()
    assert change_password(signed_in(hosted, person), person.password, bad).status_code == 422
    assert hosted.events(str(person.id), "password.set") == []


def test_guesses_at_the_current_password_are_counted(hosted: Hosted) -> None:
    person = hosted.person()
    browser = signed_in(hosted, person)
    statuses = [change_password(browser, f"guess {number}").status_code for number in range(12)]
    assert statuses == [422] * 10 + [429] * 2
    assert change_password(browser, person.password).status_code == 429, "the right one too: it tells nothing"
    failed = [event for event in hosted.every_event() if event["type"] == "sign_in.failed"]
    assert len([event for event in failed if event["subject"] == str(person.id)]) == 13


def test_a_changed_password_ends_what_is_open_elsewhere_and_tells_the_person(hosted: Hosted) -> None:
    person, app = hosted.person(), hosted.app()
    here, elsewhere = signed_in(hosted, person), signed_in(hosted, person)
    kept, lost = refresh_token(hosted, here, app), refresh_token(hosted, elsewhere, app)
    link = hosted.mail(person, "password_reset", "set_password")
    answer = change_password(here, person.password)
    assert answer.headers["location"] == "/account?done=password"
    assert "Your password is changed" in here.get("/account?done=password").text
    assert elsewhere.http.get("/account").status_code == 303
    assert hosted.refresh(app, lost).json()["error"] == "invalid_grant"
    assert hosted.refresh(app, kept).status_code == 200
    assert hosted.browser().get("/password/set", token=link).status_code == 410
    assert hosted.browser().sign_in(person).status_code == 401
    assert hosted.browser().sign_in(person, password=NEW).status_code == 200
    (set_,) = hosted.events(str(person.id), "password.set")
    assert json.loads(set_["payload"])["by"] == "change"
    mails = hosted.rows("SELECT template, parameters FROM email_log WHERE user_id = %s ORDER BY id", person.id)
    assert mails[-1] == ("security_notice", {"what": "password_changed"})
    assert {"session.ended", "token.revoked"} <= {event["type"] for event in hosted.events(str(person.id))}


# Devices


def test_devices_are_shown_with_their_address_and_this_one_is_marked(hosted: Hosted) -> None:
    person = hosted.person()
    signed_in(hosted, person, FIREFOX)
    browser = signed_in(hosted, person, FIREFOX.replace("X11; Linux x86_64", "Windows NT 10.0"))
    text = browser.get("/account").text
    assert "Firefox on Linux" in text
    assert re.search(r"Firefox on Windows <span class=\"tag\">This one</span>", text)
    assert text.count(">This one<") == 1
    addresses = [row.http.headers["x-forwarded-for"] for row in (browser,)]
    assert all(address in text for address in addresses)
    assert len(places(browser)) == 1, "this one is left by signing out"


def test_one_device_is_signed_out_with_all_it_holds_and_the_rest_stays(hosted: Hosted) -> None:
    person, app = hosted.person(), hosted.app()
    here, lost, third = (signed_in(hosted, person) for _ in range(3))
    tokens = [refresh_token(hosted, browser, app) for browser in (here, lost, third)]
    device = hosted.rows("SELECT device_id FROM sign_in_sessions WHERE id = %s", sessions(hosted, person)[1])[0][0]
    assert str(device) in places(here)
    assert send(here, "/account/places/end", place=str(device)).headers["location"] == "/account?done=ended"
    assert lost.http.get("/account").status_code == 303
    assert third.http.get("/account").status_code == 200
    assert [hosted.refresh(app, token).status_code for token in tokens] == [200, 400, 200]
    assert str(device) not in places(here)
    assert send(here, "/account/places/end", place=str(device)).status_code == 404, "once"
    types = [event["type"] for event in hosted.events(str(person.id))]
    assert (types.count("session.ended"), types.count("device.removed")) == (1, 1)


def test_a_browser_that_signed_out_is_known_until_it_is_forgotten(hosted: Hosted) -> None:
    person = hosted.person()
    here, left = signed_in(hosted, person), signed_in(hosted, person)
    left.submit(left.page("/oauth2/logout"))
    assert "A browser from before" in here.get("/account").text
    (place,) = places(here)
    assert send(here, "/account/places/end", place=place).status_code == 303
    assert places(here) == []
    assert "A browser from before" not in here.get("/account").text
    assert len(hosted.events(str(person.id), "device.removed")) == 1


def test_all_other_devices_are_signed_out_at_once(hosted: Hosted) -> None:
    person, app = hosted.person(), hosted.app()
    here, *others = (signed_in(hosted, person) for _ in range(3))
    tokens = [refresh_token(hosted, browser, app) for browser in (here, *others)]
    assert send(here, "/account/places/end-others").headers["location"] == "/account?done=others"
    assert [browser.http.get("/account").status_code for browser in (here, *others)] == [200, 303, 303]
    assert [hosted.refresh(app, token).status_code for token in tokens] == [200, 400, 400]
    assert places(here) == []
    assert len(hosted.events(str(person.id), "session.ended")) == 2


# Applications


def test_a_revoked_consent_ends_that_applications_access_and_is_asked_for_again(hosted: Hosted) -> None:
    person, app, other = hosted.person(), hosted.app(require_consent=True), hosted.app(name="Payroll")
    browser = signed_in(hosted, person)
    consent = browser.page(authorize_url(app.ask(scope="openid offline_access")))
    code = answer_of(browser.submit(consent, decision="allow"))["code"]
    token, kept = hosted.redeem(app, code).json()["refresh_token"], refresh_token(hosted, browser, other)
    text = browser.get("/account").text
    assert "Timesheets" in text
    assert "Payroll" in text
    assert "keep its access while you are not there" in text
    answer = send(browser, "/account/access/revoke", client=app.client_id)
    assert answer.headers["location"] == "/account?done=revoked"
    assert hosted.refresh(app, token).json()["error"] == "invalid_grant"
    assert hosted.refresh(other, kept).status_code == 200
    assert "Timesheets" not in browser.get("/account").text
    assert "Allow Timesheets?" in browser.get(authorize_url(app.ask(scope="openid"))).text
    assert len(hosted.recorded("consent.revoked", app.client_id)) == 1
    assert send(browser, "/account/access/revoke", client=app.client_id).status_code == 404


# A copy of the data


def test_the_copy_has_everything_of_the_person_and_of_nobody_else_and_no_secret(hosted: Hosted) -> None:
    scope, role = hosted.api()
    person, stranger = hosted.person(roles=(role,)), hosted.person()
    signed_in(hosted, stranger)
    browser = signed_in(hosted, person, FIREFOX)
    app = hosted.app(allowed_scopes=("openid", "offline_access", scope))
    token = refresh_token(hosted, browser, app)
    page = browser.page("/account/data")
    answer = browser.submit(page)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    copy = answer.json()
    assert copy["person"]["email"] == person.email
    assert [each["name"] for each in copy["roles"]] == [role]
    assert copy["sessions"][0]["user_agent"] == FIREFOX
    assert copy["sessions"][0]["address"] == browser.http.headers["x-forwarded-for"]
    assert copy["long_lived_access"][0]["client_id"] == app.client_id
    types = [event["type"] for event in copy["events"]]
    assert {"user.created", "sign_in.succeeded", "user.data_exported"} <= set(types)
    created = next(event for event in copy["events"] if event["type"] == "user.created")
    assert created["personal"]["email"] == person.email
    for foreign in (str(stranger.id), stranger.email, token, "ap_", "argon2", "hash"):
        assert foreign not in answer.text.replace("address_hash", "").replace("external_id_hash", "")
    (exported,) = hosted.events(str(person.id), "user.data_exported")
    assert exported["actor"] == str(person.id)


def test_copies_are_made_so_many_times_an_hour(hosted: Hosted) -> None:
    browser = signed_in(hosted, hosted.person())
    page = browser.page("/account/data")
    statuses = [browser.submit(page).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
