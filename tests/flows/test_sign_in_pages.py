"""Sign-in: sessions, cookies, forms from elsewhere, and that nobody learns who has an account."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shared.database.authority import note_change
from tests.fixtures.hosted_pages import Page, answer_of, authorize_url
from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    import httpx

    from tests.fixtures.hosted_pages import Browser, Hosted

PAGES = [
    "/sign-in",
    "/password/forgot",
    "/password/set?token=x",
    "/email/verify",
    "/device/trust",
    "/signed-out",
    "/consent",
]
PAGES += ["/oauth2/authorize", "/oauth2/logout", "/oauth2/authorize/continue", "/static/nothing"]


# Who may not


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer_byte_for_byte(hosted: Hosted) -> None:
    person, passwordless = hosted.person(), hosted.person(password=None)
    disabled = hosted.person()
    hosted.rows("UPDATE users SET status = 'disabled' WHERE id = %s RETURNING 1", disabled.id)
    typed = [(person.email, "wrong"), (passwordless.email, "wrong"), (disabled.email, disabled.password)]
    typed += [("nobody@example.com", "wrong"), ("not an address", "wrong"), ("x" * 5000, "wrong")]
    answers = []
    for email, password in typed:
        browser = hosted.browser()
        answer = browser.submit(browser.page("/sign-in"), email=email, password=password)
        answers.append(_comparable(answer, email))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 401


def _comparable(response: httpx.Response, email: str) -> tuple[int, list[tuple[str, str]], str]:
    """What may differ: date, request id, and the random token in the form."""
    may_differ = {"date", "x-request-id", "content-length"}
    headers = sorted((name, value) for name, value in response.headers.multi_items() if name not in may_differ)
    body = re.sub(r'name="form_token" value="[^"]*"', "", response.text).replace(email, "")
    return response.status_code, headers, body


def test_an_answer_to_a_failed_sign_in_sets_no_cookie(hosted: Hosted) -> None:
    browser = hosted.browser()
    answer = browser.submit(browser.page("/sign-in"), email="nobody@example.com", password="wrong")
    assert "set-cookie" not in answer.headers
    assert browser.cookie("session") is None


def test_an_unknown_identifier_is_kept_only_as_a_keyed_hash(hosted: Hosted) -> None:
    browser, typed = hosted.browser(), f"my-password-{uuid.uuid4().hex}"
    browser.submit(browser.page("/sign-in"), email=typed, password="wrong")
    everything = json.dumps(hosted.every_event())
    assert "sign_in.failed" in everything
    assert typed not in everything


def test_a_failed_sign_in_is_recorded_with_its_reason(hosted: Hosted) -> None:
    person, browser = hosted.person(), hosted.browser()
    browser.sign_in(person, password="wrong")
    found = [event for event in hosted.every_event() if event["subject"] == str(person.id)]
    payload = json.loads(next(event for event in found if event["type"] == "sign_in.failed")["payload"])
    assert payload["reason"] == "bad_credentials"
    assert payload["outcome"] == "failure"
    assert re.fullmatch("[0-9a-f]{32}", payload["address_hash"])


# Forms from elsewhere


@pytest.mark.parametrize(
    "path", ["/sign-in", "/consent", "/password/forgot", "/password/set", "/email/verify", "/device/trust"]
)
@pytest.mark.parametrize("case", ["no token", "no cookie", "another cookie", "other site", "other origin"])
def test_a_form_that_our_pages_did_not_send_is_refused(hosted: Hosted, path: str, case: str) -> None:
    person, browser = hosted.person(), hosted.browser()
    fields = browser.page("/sign-in").fields() | {"email": person.email, "password": person.password}
    headers = {}
    if case == "no token":
        del fields["form_token"]
    elif case == "no cookie":
        browser.http.cookies.clear()
    elif case == "another cookie":
        browser.http.cookies.clear()
        browser.page("/sign-in")
    elif case == "other site":
        headers = {"Sec-Fetch-Site": "cross-site"}
    else:
        headers = {"Origin": "https://evil.example"}
    answer = browser.http.post(path, data=fields, headers=headers)
    assert answer.status_code == 403
    assert browser.cookie("session") is None


def test_a_form_under_a_no_referrer_policy_is_taken(hosted: Hosted) -> None:
    """Browsers send `Origin: null` with it, and say in Sec-Fetch-Site what is true."""
    person, browser = hosted.person(), hosted.browser()
    fields = browser.page("/sign-in").fields() | {"email": person.email, "password": person.password}
    answer = browser.http.post("/sign-in", data=fields, headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"a=%zz", "application/x-www-form-urlencoded", 400),
        (b"a=1&a=2", "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 400),
        (b"x" * 100_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_malformed_form_is_answered_by_a_page(hosted: Hosted, body: bytes, content_type: str, status: int) -> None:
    answer = hosted.browser().http.post("/sign-in", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert "text/html" in answer.headers["content-type"]


# Sessions


def test_the_right_password_begins_a_session(hosted: Hosted) -> None:
    person, browser = hosted.person(), hosted.browser()
    answer = browser.sign_in(person)
    assert answer.status_code == 200, answer.text
    assert "You are signed in" in answer.text
    event = hosted.events(str(person.id), "sign_in.succeeded")[0]
    assert event["session_id"] == (browser.cookie("session") or "").split(".")[0]
    assert event["personal"], "the address is there, encrypted"
    assert person.email not in json.dumps(event)


def test_the_address_is_typed_in_any_case_and_spelling(hosted: Hosted) -> None:
    person, browser = hosted.person(), hosted.browser()
    answer = browser.submit(browser.page("/sign-in"), email=f"  {person.email.upper()} ", password=person.password)
    assert "You are signed in" in answer.text


def test_a_session_cookie_has_its_flags(hosted: Hosted) -> None:
    person, browser = hosted.person(), hosted.browser()
    fields = browser.page("/sign-in").fields() | {"email": person.email, "password": person.password}
    cookies = browser.http.post("/sign-in", data=fields).headers.get_list("set-cookie")
    assert {cookie.split("=")[0] for cookie in cookies} == {"session", "device", "form"}
    for cookie in cookies:
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"path=/", "httponly", "samesite=lax"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)


def test_a_session_id_from_before_the_sign_in_is_worth_nothing_after_it(hosted: Hosted) -> None:
    """Session fixation."""
    attacker = hosted.browser()
    attacker.sign_in(hosted.person())
    planted = attacker.cookie("session") or ""
    person, browser = hosted.person(), hosted.browser()
    browser.http.cookies.set("session", planted, domain="localhost.local", path="/")
    page = Page(browser.http.get(authorize_url(hosted.app().ask(prompt="login")), follow_redirects=True))
    before = browser.cookie("form")
    browser.http.cookies.delete("session", domain="localhost.local", path="/")
    browser.http.post(
        "/sign-in",
        data=page.fields() | {"email": person.email, "password": person.password},
        headers={"Cookie": f"session={planted}; form={before}"},
    )
    mine = browser.cookie("session")
    assert mine is not None
    assert mine.split(".")[0] != planted.split(".")[0]
    assert browser.cookie("form") != before, "tokens of forms from before are worth nothing either"
    assert "You are signed in" not in attacker.get("/sign-in").text, (
        "the planted session ended with the other's sign-in"
    )


@pytest.mark.parametrize("change", ["secret", "id", "garbage"])
def test_a_guessed_session_cookie_is_nobody(hosted: Hosted, change: str) -> None:
    browser = hosted.browser()
    browser.sign_in(hosted.person())
    identifier, _, secret = (browser.cookie("session") or "").partition(".")
    other = hosted.browser()
    other.sign_in(hosted.person())
    forged = {
        "secret": f"{identifier}.{(other.cookie('session') or '').partition('.')[2]}",
        "id": f"{uuid.uuid4()}.{secret}",
        "garbage": "x" * 5000,
    }[change]
    thief = hosted.browser()
    thief.http.headers["Cookie"] = f"session={forged}"
    assert "You are signed in" not in thief.get("/sign-in").text


@pytest.mark.parametrize("column", ["expires_at", "last_seen_at"])
def test_a_session_ends_by_age_and_by_idleness(hosted: Hosted, column: str) -> None:
    person, browser = hosted.person(), hosted.browser()
    browser.sign_in(person)
    past = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    with hosted.database() as connection:
        connection.execute(f"UPDATE sign_in_sessions SET {column} = %s WHERE user_id = %s", (past, person.id))
    assert "You are signed in" not in browser.get("/sign-in").text


def test_a_disabled_users_session_is_over_at_once(hosted: Hosted) -> None:
    person, browser = hosted.person(), hosted.browser()
    browser.sign_in(person)
    hosted.rows("UPDATE users SET status = 'disabled' WHERE id = %s RETURNING 1", person.id)
    assert answer_of(browser.get(authorize_url(hosted.app().ask(prompt="none"))))["error"] == "login_required"


def test_the_database_holds_no_cookie(hosted: Hosted) -> None:
    person, browser = hosted.person(), hosted.browser()
    browser.sign_in(person)
    secrets = [(browser.cookie(name) or "").partition(".")[2] for name in ("session", "device")]
    sessions = hosted.rows("SELECT s::text FROM sign_in_sessions s WHERE user_id = %s", person.id)
    devices = hosted.rows("SELECT d::text FROM device_credentials d WHERE user_id = %s", person.id)
    assert all(secret and secret not in str((sessions, devices, hosted.every_event())) for secret in secrets)


def test_a_hash_with_old_parameters_is_renewed_at_sign_in(hosted: Hosted) -> None:
    from argon2 import PasswordHasher

    person = hosted.person()
    old = PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1).hash(person.password)
    hosted.rows("UPDATE password_credentials SET hash = %s WHERE user_id = %s RETURNING 1", old, person.id)
    assert "You are signed in" in hosted.browser().sign_in(person).text
    new = hosted.rows("SELECT hash FROM password_credentials WHERE user_id = %s", person.id)[0][0]
    assert "m=7168,t=1" in new
    assert json.loads(hosted.events(str(person.id), "password.set")[0]["payload"])["by"] == "rehash"
    assert "You are signed in" in hosted.browser().sign_in(person).text


# What every page says to the browser


@pytest.mark.parametrize("path", PAGES)
def test_every_page_forbids_scripts_frames_and_third_parties(hosted: Hosted, path: str) -> None:
    answer = hosted.browser().http.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert not re.search(r'(src|href)="(https?:)?//', answer.text)


def test_static_files_are_named_by_their_content(hosted: Hosted) -> None:
    browser = hosted.browser()
    links = re.findall(r'href="(/static/[^"]+)"', browser.get("/sign-in").text)
    assert len(links) == 2
    for link in links:
        answer = browser.http.get(link)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert "?v=" in link


def test_what_somebody_typed_comes_back_escaped(hosted: Hosted) -> None:
    browser: Browser = hosted.browser()
    answer = browser.submit(browser.page("/sign-in"), email='"><script>alert(1)</script>', password="x")
    assert "<script>" not in answer.text


# Erasure


def test_nothing_is_encrypted_under_a_destroyed_key_a_second_later(hosted: Hosted) -> None:
    person = hosted.person()

    def key_of_a_sign_in() -> str | None:
        assert hosted.browser().sign_in(person).status_code == 200
        return hosted.events(str(person.id), "sign_in.succeeded")[-1]["subject_key_id"]

    assert key_of_a_sign_in() is not None
    with hosted.database() as connection, connection.transaction():
        hosted.subject_keys().erase(connection, str(person.id), datetime.now(UTC))
        note_change(connection, "user", str(person.id))
    # the bound is the poll's: far below the 300 s that a key is held
    eventually(lambda: key_of_a_sign_in() is None, "the key is forgotten", timeout_seconds=5)


def test_how_many_passwords_wait_can_be_watched(hosted: Hosted) -> None:
    text = hosted.browser().get("/metrics").text
    assert 'token_core_hashing_waiting{lane="known"} 0.0' in text
    assert 'token_core_hashing_waiting{lane="unknown"} 0.0' in text
