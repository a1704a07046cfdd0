"""Consent: asked once for each scope, given or refused by the person alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fixtures.hosted_pages import answer_of, authorize_url

if TYPE_CHECKING:
    from tests.fixtures.hosted_pages import App, Browser, Hosted, Person


def signed_in(hosted: Hosted) -> tuple[Person, Browser]:
    person, browser = hosted.person(), hosted.browser()
    browser.sign_in(person)
    return person, browser


def asking_app(hosted: Hosted) -> App:
    return hosted.app(require_consent=True)


def test_a_client_gets_nothing_before_the_person_says_yes(hosted: Hosted) -> None:
    app, (person, browser) = asking_app(hosted), signed_in(hosted)
    page = browser.page(authorize_url(app.ask(scope="openid email")))
    assert page.heading == "Allow Timesheets?"
    assert person.email in page.text
    assert "see your e-mail address" in page.text
    answer = answer_of(browser.submit(page, decision="allow"))
    assert "code" in answer
    assert hosted.redeem(app, answer["code"]).status_code == 200
    assert [event["type"] for event in hosted.events(str(person.id))][-3:] == [
        "consent.granted", "authorization_code.issued", "token.issued",
    ]  # fmt: skip


def test_a_refusal_reaches_the_client_and_is_recorded(hosted: Hosted) -> None:
    app, (person, browser) = asking_app(hosted), signed_in(hosted)
    page = browser.page(authorize_url(app.ask()))
    answer = answer_of(browser.submit(page, decision="deny"))
    assert answer["error"] == "access_denied"
    assert answer["state"] == "a state & more"
    assert hosted.events(str(person.id), "consent.denied")[-1]["client_id"] == app.client_id
    assert hosted.rows("SELECT 1 FROM consents WHERE user_id = %s", person.id) == []


def test_a_consent_is_remembered_for_its_scopes_only(hosted: Hosted) -> None:
    app, (_, browser) = asking_app(hosted), signed_in(hosted)
    browser.submit(browser.page(authorize_url(app.ask(scope="openid"))), decision="allow")
    assert "code" in answer_of(browser.get(authorize_url(app.ask(scope="openid"))))
    assert (
        answer_of(browser.get(authorize_url(app.ask(scope="openid email", prompt="none"))))["error"]
        == "consent_required"
    )
    assert browser.page(authorize_url(app.ask(scope="openid email"))).heading == "Allow Timesheets?"


def test_prompt_consent_asks_again(hosted: Hosted) -> None:
    app, (_, browser) = hosted.app(), signed_in(hosted)
    page = browser.page(authorize_url(app.ask(prompt="consent")))
    assert page.heading == "Allow Timesheets?"
    assert "code" in answer_of(browser.submit(page, decision="allow"))


def test_a_consent_from_another_site_is_refused(hosted: Hosted) -> None:
    app, (person, browser) = asking_app(hosted), signed_in(hosted)
    page = browser.page(authorize_url(app.ask()))
    fields = page.fields() | {"decision": "allow"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert browser.http.post("/consent", data=fields, headers=headers).status_code == 403
    stranger = hosted.browser()
    stranger.sign_in(hosted.person())
    assert stranger.http.post("/consent", data=fields).status_code == 403, "another browser's token"
    assert hosted.rows("SELECT 1 FROM consents WHERE user_id = %s", person.id) == []


def test_a_decision_that_is_neither_is_refused(hosted: Hosted) -> None:
    app, (_, browser) = asking_app(hosted), signed_in(hosted)
    page = browser.page(authorize_url(app.ask()))
    assert browser.submit(page, decision="perhaps").status_code == 400


def test_scopes_that_grew_while_the_page_was_open_are_asked_for(hosted: Hosted) -> None:
    app, (_, browser) = asking_app(hosted), signed_in(hosted)
    page = browser.page(authorize_url(app.ask(scope="openid email")))
    answer = browser.submit(page, decision="allow", shown="openid")
    assert answer.status_code == 200
    assert "Allow Timesheets?" in answer.text


def test_a_scopes_description_is_shown_escaped(hosted: Hosted) -> None:
    app = hosted.app(require_consent=True, name="<script>alert(1)</script>")
    _, browser = signed_in(hosted)
    page = browser.page(authorize_url(app.ask()))
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_consent_without_a_session_leads_to_the_sign_in(hosted: Hosted) -> None:
    app, (person, browser) = asking_app(hosted), signed_in(hosted)
    page = browser.page(authorize_url(app.ask()))
    hosted.rows("UPDATE sign_in_sessions SET ended_at = now() WHERE user_id = %s RETURNING 1", person.id)
    assert "Sign in" in browser.submit(page, decision="allow").text
    assert json.loads(hosted.events(str(person.id), "sign_in.succeeded")[0]["payload"])["outcome"] == "success"
