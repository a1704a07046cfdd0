"""RP-initiated logout and the platform's own sign-out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.fixtures.hosted_pages import answer_of, authorize_url

if TYPE_CHECKING:
    from tests.fixtures.hosted_pages import App, Browser, Hosted, Person

BYE = "https://app.example/bye"


def in_an_app(hosted: Hosted, scope: str = "openid") -> tuple[Person, Browser, App, dict[str, str]]:
    person, browser, app = hosted.person(), hosted.browser(), hosted.app()
    browser.sign_in(person)
    tokens = hosted.redeem(app, answer_of(browser.get(authorize_url(app.ask(scope=scope))))["code"]).json()
    return person, browser, app, tokens


def logout_url(**parameters: str) -> str:
    return f"/oauth2/logout?{urlencode(parameters)}"


def is_signed_in(browser: Browser) -> bool:
    return "You are signed in" in browser.get("/sign-in").text


def test_a_client_with_its_id_token_signs_the_person_out_and_gets_them_back(hosted: Hosted) -> None:
    person, browser, _, tokens = in_an_app(hosted)
    url = logout_url(id_token_hint=tokens["id_token"], post_logout_redirect_uri=BYE, state="s 1")
    answer = browser.get(url)
    assert answer.headers["location"] == f"{BYE}?state=s+1"
    assert browser.cookie("session") is None
    assert not is_signed_in(browser)
    assert len(hosted.events(str(person.id), "session.ended")) == 1


@pytest.mark.parametrize("uri", ["https://evil.example/", BYE + "/", BYE + "?x=1", "https://app.example/callback"])
def test_an_unregistered_address_gets_a_page_and_never_a_redirect(hosted: Hosted, uri: str) -> None:
    _, browser, app, tokens = in_an_app(hosted)
    for parameters in ({"id_token_hint": tokens["id_token"]}, {"client_id": app.client_id}, {}):
        answer = browser.http.get(logout_url(post_logout_redirect_uri=uri, **parameters))
        assert answer.status_code == 400
        assert "location" not in answer.headers
    assert is_signed_in(browser)


def test_without_a_valid_hint_the_person_is_asked(hosted: Hosted) -> None:
    _, browser, app, tokens = in_an_app(hosted)
    forged = tokens["id_token"][:-6] + "AAAAAA"
    for parameters in ({}, {"id_token_hint": forged}, {"client_id": app.client_id, "post_logout_redirect_uri": BYE}):
        page = browser.page(logout_url(**parameters))
        assert page.heading == "Do you want to sign out?"
        assert is_signed_in(browser)
    answer = browser.submit(page)
    assert answer.headers["location"] == BYE
    assert not is_signed_in(browser)


def test_another_persons_hint_does_not_sign_out(hosted: Hosted) -> None:
    _, _, _, theirs = in_an_app(hosted)
    _, browser, _, _ = in_an_app(hosted)
    assert browser.page(logout_url(id_token_hint=theirs["id_token"])).heading == "Do you want to sign out?"
    assert is_signed_in(browser)


def test_a_hint_of_another_client_than_the_one_named_is_refused(hosted: Hosted) -> None:
    _, browser, _, tokens = in_an_app(hosted)
    url = logout_url(id_token_hint=tokens["id_token"], client_id=hosted.app().client_id)
    assert browser.http.get(url).status_code == 400


def test_a_sign_out_from_another_site_is_refused(hosted: Hosted) -> None:
    _, browser, _, _ = in_an_app(hosted)
    page = browser.page("/oauth2/logout")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert browser.http.post(page.action, data=page.fields(), headers=headers).status_code == 403
    assert browser.http.post(page.action, data=page.fields() | {"form_token": "x"}).status_code == 403
    assert is_signed_in(browser)


def test_a_sign_out_by_post_works_like_one_by_get(hosted: Hosted) -> None:
    _, browser, _, tokens = in_an_app(hosted)
    first = browser.http.post(
        "/oauth2/logout", data={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE}
    )
    assert browser.get(first.headers["location"]).headers["location"] == BYE
    assert not is_signed_in(browser)


def test_signing_out_spares_what_was_granted_for_the_time_of_absence(hosted: Hosted) -> None:
    """OpenID Connect Back-Channel Logout 2.7: offline_access outlives the session; its tokens without it do not."""
    _, browser, app, tokens = in_an_app(hosted, scope="openid offline_access")
    browser.get(logout_url(id_token_hint=tokens["id_token"]))
    answer = hosted.refresh(app, tokens["refresh_token"])
    assert answer.status_code == 200
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert browser.http.get("/oauth2/userinfo", headers=headers).status_code == 200, "what is issued is good"


def test_an_access_token_of_an_ended_session_is_over_at_our_endpoints(hosted: Hosted) -> None:
    _, browser, _, tokens = in_an_app(hosted)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert browser.http.get("/oauth2/userinfo", headers=headers).status_code == 200
    browser.get(logout_url(id_token_hint=tokens["id_token"]))
    assert browser.http.get("/oauth2/userinfo", headers=headers).status_code == 401


def test_signing_out_without_a_session_still_leads_back(hosted: Hosted) -> None:
    _, browser, _, tokens = in_an_app(hosted)
    stranger = hosted.browser()
    url = logout_url(id_token_hint=tokens["id_token"], post_logout_redirect_uri=BYE)
    assert stranger.get(url).headers["location"] == BYE
    assert is_signed_in(browser), "a leaked ID token signs nobody out elsewhere"


def test_a_repeated_parameter_is_refused(hosted: Hosted) -> None:
    assert hosted.browser().http.get("/oauth2/logout?state=1&state=2").status_code == 400
