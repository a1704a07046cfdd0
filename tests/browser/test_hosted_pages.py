"""All hosted pages in a real browser: by keyboard alone, without scripts, and without anything that axe finds."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import axe_source, chromium
from tests.fixtures.hosted_pages import authorize_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

    from tests.fixtures.hosted_pages import App, Hosted

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PICTURES = os.environ.get("HOSTED_PAGES_PICTURES")  # a folder to look at, for people


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


class _Application(BaseHTTPRequestHandler):
    """The client's end of the story."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>App</title><h1>Back in the application</h1>")

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def app(hosted: Hosted) -> Iterator[App]:
    server = HTTPServer(("127.0.0.1", 0), _Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    yield hosted.app(redirect_uris=(f"{base}/cb",), post_logout_redirect_uris=(f"{base}/bye",), require_consent=True)
    server.shutdown()


class Inspector:
    """Looks at each page in both colour schemes on a phone and on a desk."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.seen: list[str] = []
        self._axe = axe_source()

    def look(self, name: str, heading: str) -> None:
        expect(self.page.locator("h1")).to_have_text(heading)
        for scheme in ("light", "dark"):
            for device, size in (("phone", PHONE), ("desktop", DESKTOP)):
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                self.page.set_viewport_size(size)  # type: ignore[arg-type]
                if PICTURES or (scheme == "light") is (device == "phone"):  # each scheme and each size, if not all four
                    self._check(f"{name} {scheme} {device}")
                if PICTURES:
                    self.page.screenshot(path=Path(PICTURES) / f"{name}-{device}-{scheme}.png", full_page=True)
        self.seen.append(name)

    def _check(self, where: str) -> None:
        overflow = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{where} scrolls sideways"
        small = self.page.evaluate(_SMALL_TARGETS)
        assert small == [], f"{where}: targets under 44 px: {small}"
        found: Any = self.page.evaluate(f"async () => {{ {self._axe}; return (await axe.run()).violations }}")
        assert found == [], f"{where}: {json.dumps(found, indent=1)[:3000]}"

    def tab_to(self, selector: str) -> None:
        """As somebody without a mouse gets there; what has the focus shows it."""
        for _ in range(30):
            if self.page.evaluate("s => document.activeElement === document.querySelector(s)", selector):
                style = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert style != "none", f"{selector} doesn't show that it has the focus"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} can't be reached by keyboard")

    def type_into(self, selector: str, text: str) -> None:
        self.tab_to(selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)


_SMALL_TARGETS = """
() => [...document.querySelectorAll('a, button, input:not([type=hidden], [hidden])')]
  .filter(e => { const b = e.getBoundingClientRect(); return b.height < 44 || b.width < 44 })
  .map(e => e.outerHTML)
"""


def _open(browser: Chromium, hosted: Hosted) -> tuple[Page, Inspector]:
    context = browser.new_context(
        base_url=hosted.issuer, java_script_enabled=True, extra_http_headers={"X-Forwarded-For": "192.0.2.77"}
    )
    page = context.new_page()
    page.on("request", lambda request: _refuse_third_parties(request.url))
    return page, Inspector(page)


def _refuse_third_parties(url: str) -> None:
    assert url.startswith(("http://localhost:", "http://127.0.0.1:")), f"a third party is asked: {url}"


def test_every_page_is_used_by_keyboard_alone_and_axe_finds_nothing(
    browser: Chromium, hosted: Hosted, app: App
) -> None:
    person = hosted.person(password=None)
    page, see = _open(browser, hosted)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)

    # A welcome link: a password that is too common, then a good one
    link = hosted.mail(person, "welcome", "set_password")
    page.goto(f"/password/set?token={link}")
    see.look("password-set", "Set a new password")
    see.type_into("#password", "password1234")
    see.type_into("#repeated", "password1234")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("guessed")
    see.look("password-refused", "Set a new password")
    see.type_into("#password", "seven green bottles")
    see.type_into("#repeated", "seven green bottles")
    page.keyboard.press("Enter")
    see.look("password-is-set", "Your password is set")

    # The same link again
    page.goto(f"/password/set?token={link}")
    see.look("link-spent", "This link was used already")

    # Into the application: wrong password first
    page.goto(authorize_url(app.ask(scope="openid profile email offline_access")))
    see.look("sign-in", "Sign in")
    see.type_into("#email", person.email)
    see.type_into("#password", "not this one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    see.look("sign-in-refused", "Sign in")
    see.type_into("#password", "seven green bottles")
    page.keyboard.press("Enter")
    see.look("consent", "Allow Timesheets?")
    see.tab_to("button[value=allow]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cb?*")
    assert page.inner_text("h1") == "Back in the application"
    assert "code=" in page.url

    # The same by form post, which needs no script
    page.goto(authorize_url(app.ask(response_mode="form_post", scope="openid")))
    page.wait_for_url("**/cb")
    assert page.inner_text("h1") == "Back in the application"

    # Signed in without an application; signing out
    page.goto("/sign-in")
    see.look("signed-in", "You are signed in")
    see.tab_to("a[href='/oauth2/logout']")
    page.keyboard.press("Enter")
    see.look("sign-out", "Do you want to sign out?")
    see.tab_to("button")
    page.keyboard.press("Enter")
    see.look("signed-out", "You are signed out")

    # Forgotten password
    page.goto("/sign-in")
    see.tab_to("a.quiet-link")
    page.keyboard.press("Enter")
    see.look("forgotten", "Forgotten your password?")
    see.type_into("#email", person.email)
    page.keyboard.press("Enter")
    see.look("look-into-mailbox", "Look into your mailbox")

    # The two links that a button confirms
    page.goto(f"/email/verify?token={hosted.mail(person, 'email_verification', 'verify_email')}")
    see.look("verify-email", "Confirm your e-mail address")
    see.tab_to("button")
    page.keyboard.press("Enter")
    see.look("email-verified", "Your e-mail address is confirmed")
    page.goto(f"/device/trust?token={hosted.mail(person, 'trust_device', 'trust_device')}")
    see.look("trust-device", "Confirm this device")
    see.tab_to("button")
    page.keyboard.press("Enter")
    see.look("device-trusted", "This device is confirmed")

    # An error
    page.goto("/oauth2/authorize?client_id=nobody")
    see.look("error", "This request can’t be answered")  # noqa: RUF001
    refused = [text for text in problems if "Content Security Policy" in text]
    assert refused == []


def test_a_throttled_account_is_offered_a_mail(browser: Chromium, hosted: Hosted) -> None:
    person = hosted.person()
    hosted.use_up_guesses(person)
    page, see = _open(browser, hosted)
    page.goto("/sign-in")
    see.type_into("#email", person.email)
    see.type_into("#password", person.password)
    page.keyboard.press("Enter")
    see.look("confirm-by-mail", "Confirm this device by e-mail")
    see.tab_to("button")
    page.keyboard.press("Enter")
    see.look("device-mail-sent", "Look into your mailbox")
    page.goto(f"/device/trust?token={hosted.latest_link(person, 'trust_device')}")
    see.tab_to("button")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("This device is confirmed")
    page.goto("/sign-in")
    see.type_into("#email", person.email)
    see.type_into("#password", person.password)
    page.keyboard.press("Enter")
    see.look("signed-in-at-last", "You are signed in")


def test_the_account_is_changed_by_keyboard_alone_and_axe_finds_nothing(
    browser: Chromium, hosted: Hosted, app: App
) -> None:
    person = hosted.person()
    for agent in (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1",
        "curl/8",
    ):
        elsewhere = hosted.browser("2001:db8:1234:5678:9abc:def0:1234:5678")
        elsewhere.http.headers["user-agent"] = agent
        elsewhere.sign_in(person)
    page, see = _open(browser, hosted)
    page.goto("/account")
    see.type_into("#email", person.email)
    see.type_into("#password", person.password)
    page.keyboard.press("Enter")
    see.look("account-nothing-allowed", "Your account")
    page.goto(authorize_url(app.ask(scope="openid profile email offline_access")))
    see.tab_to("button[value=allow]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cb?*")
    page.goto("/account")
    see.look("account", "Your account")
    expect(page.locator(".tag")).to_have_count(1)

    # One device, then an application, then all other devices
    see.tab_to("form[action='/account/places/end'] button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("signed out")
    see.look("account-device-ended", "Your account")
    see.tab_to("form[action='/account/access/revoke'] button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("no longer has access")
    see.tab_to("form[action='/account/places/end-others'] button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("All other")

    # The password
    see.tab_to("a[href='/account/password']")
    page.keyboard.press("Enter")
    see.look("account-password", "Change your password")
    for field, text in (("#current", "not this"), ("#password", "nine old hats"), ("#repeated", "nine old hats")):
        see.type_into(field, text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    see.look("account-password-refused", "Change your password")
    for field, text in (("#current", person.password), ("#password", "nine old hats"), ("#repeated", "nine old hats")):
        see.type_into(field, text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("password is changed")

    # The data, and the address
    see.tab_to("a[href='/account/data']")
    page.keyboard.press("Enter")
    see.look("account-data", "Download your data")
    with page.expect_download() as download:
        see.tab_to("button")
        page.keyboard.press("Enter")
    assert json.loads(download.value.path().read_text())["person"]["email"] == person.email
    page.goto("/account/email")
    see.look("account-email", "Change your e-mail address")
    see.type_into("#email", "ada@new.example")
    page.keyboard.press("Enter")
    see.look("account-email-sent", "Look into both mailboxes")
    page.goto("/account")
    see.look("account-waiting", "Your account")
    sql = "SELECT id FROM email_log WHERE user_id = %s AND link_purpose = 'confirm_email_change'"
    for (email_id,) in hosted.rows(sql, person.id):
        page.goto(f"/email/change?token={hosted.token(email_id, 'confirm_email_change')}")
        see.look("email-change", "Confirm the change of your e-mail address")
        see.tab_to("button")
        page.keyboard.press("Enter")
    see.look("email-changed", "Your e-mail address is changed")
    page.goto(f"/email/undo?token={hosted.latest_link(person, 'undo_email_change')}")
    see.look("email-undo", "Take the change of your e-mail address back?")
    see.tab_to("button")
    page.keyboard.press("Enter")
    see.look("email-undone", "The change is taken back")

    # Signed out by it; whoever is signed in too long ago proves it first
    page.goto("/account/data")
    see.look("account-sign-in", "Sign in")


def test_signing_in_works_without_scripts(browser: Chromium, hosted: Hosted, app: App) -> None:
    person = hosted.person()
    page = browser.new_context(base_url=hosted.issuer, java_script_enabled=False).new_page()
    page.goto(authorize_url(app.ask(prompt="consent")))
    page.fill("#email", person.email)
    page.fill("#password", person.password)
    page.keyboard.press("Enter")
    page.click("button[value=deny]")
    page.wait_for_url("**/cb?error=access_denied*")
