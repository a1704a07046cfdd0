"""The authorization endpoint, whole: what it refuses first, then what it gives."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.fixtures.hosted_pages import CALLBACK, Page, answer_of, authorize_url
from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    import httpx

    from tests.fixtures.hosted_pages import App, Browser, Hosted, Person


@pytest.fixture(scope="module")
def app(hosted: Hosted) -> App:
    return hosted.app()


@pytest.fixture(scope="module")
def person(hosted: Hosted) -> Person:
    return hosted.person()


@pytest.fixture
def signed_in(hosted: Hosted, person: Person) -> Browser:
    browser = hosted.browser()
    assert browser.sign_in(person).status_code == 200
    return browser


# What never redirects


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/callback",
        CALLBACK + "/",
        CALLBACK + "?next=evil",
        CALLBACK + "#fragment",
        "https://app.example/callback/../evil",
        "https://app.example@evil.example/callback",
        "HTTPS://app.example/callback",
        "https://app.example:443/callback",
        "//app.example/callback",
        "javascript:alert(1)",
        "https://app.example/callback%0d%0aLocation:https://evil.example",
    ],
)
def test_an_unregistered_redirect_uri_gets_a_page_and_never_a_redirect(hosted: Hosted, app: App, uri: str) -> None:
    answer = hosted.browser().http.get(authorize_url(app.ask(redirect_uri=uri)))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "evil" not in answer.text, "what was sent is not shown"
    assert answer.headers["x-request-id"] in answer.text


def test_a_missing_redirect_uri_gets_a_page(hosted: Hosted, app: App) -> None:
    assert hosted.browser().http.get(authorize_url(app.ask(redirect_uri=None))).status_code == 400


@pytest.mark.parametrize("client_id", ["nobody", "", "x" * 5000, "\x00", "a b"])
def test_an_unknown_client_gets_a_page_and_never_a_redirect(hosted: Hosted, app: App, client_id: str) -> None:
    answer = hosted.browser().http.get(authorize_url(app.ask(client_id=client_id)))
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_id_or_redirect_uri_gets_a_page(hosted: Hosted, app: App, name: str) -> None:
    twice = [*app.ask().items(), (name, app.ask()[name])]
    assert hosted.browser().http.get(f"/oauth2/authorize?{urlencode(twice)}").status_code == 400


@pytest.mark.parametrize("query", ["client_id=%zz", "client_id=%ff", "%00=1", "client_id", "&&&=", "a" * 9000])
def test_a_malformed_query_gets_a_page(hosted: Hosted, query: str) -> None:
    assert hosted.browser().http.get(f"/oauth2/authorize?{query}").status_code == 400


def test_a_disabled_client_is_as_unknown(hosted: Hosted) -> None:
    disabled = hosted.app()
    hosted.rows("UPDATE clients SET status = 'disabled' WHERE id = %s RETURNING 1", disabled.row)
    assert hosted.browser().http.get(authorize_url(disabled.ask())).status_code == 400


# What the client is told by redirect


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid unheard.of"}, "invalid_scope"),
        ({"scope": "openid  profile"}, "invalid_scope"),
        ({"scope": 'openid "'}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "tooshort"}, "invalid_request"),
        ({"nonce": "n" * 600}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "wake_up"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example/r"}, "request_uri_not_supported"),
        ({"id_token_hint": "not.a.token"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_an_error_reaches_the_client_with_state_and_issuer(
    hosted: Hosted, app: App, changes: dict[str, str | None], error: str
) -> None:
    asked = app.ask(**changes)
    answer = answer_of(hosted.browser().http.get(authorize_url(asked)))
    assert answer["error"] == error
    assert answer["state"] == asked["state"]
    assert answer["iss"] == hosted.issuer
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", answer["error_description"])
    assert "code" not in answer


@pytest.mark.parametrize("name", ["scope", "state", "nonce", "code_challenge", "prompt", "unknown"])
def test_a_repeated_parameter_is_refused(hosted: Hosted, app: App, name: str) -> None:
    pairs = [*app.ask(prompt="login", unknown="1").items(), (name, "again")]
    answer = answer_of(hosted.browser().http.get(f"/oauth2/authorize?{urlencode(pairs)}"))
    assert answer["error"] == "invalid_request"
    assert ("state" in answer) is (name != "state"), "of two states neither is known to be the client's"


def test_a_client_without_the_grant_is_refused(hosted: Hosted) -> None:
    app = hosted.app(grant_types=("client_credentials",))
    assert answer_of(hosted.browser().http.get(authorize_url(app.ask())))["error"] == "unauthorized_client"


def test_a_refusal_is_recorded(hosted: Hosted) -> None:
    app = hosted.app()
    hosted.browser().http.get(authorize_url(app.ask(prompt="none")))
    streamed = hosted.recorded("authorization.denied", app.client_id)
    assert json.loads(streamed[0]["payload"])["reason"] == "login_required"


def test_an_answer_keeps_the_redirect_uris_own_query(hosted: Hosted) -> None:
    app = hosted.app(redirect_uris=("https://app.example/cb?tenant=7",))
    location = hosted.browser().http.get(authorize_url(app.ask(prompt="none"))).headers["location"]
    assert location.startswith("https://app.example/cb?tenant=7&error=login_required")


# PKCE


def test_a_client_exempted_by_name_may_send_a_nonce_instead_of_a_challenge(hosted: Hosted, person: Person) -> None:
    app, browser = hosted.app(pkce_exempt=True), hosted.browser()
    browser.sign_in(person)
    bare = {"code_challenge": None, "code_challenge_method": None}
    assert "code" in answer_of(browser.get(authorize_url(app.ask(**bare))))
    assert answer_of(browser.get(authorize_url(app.ask(**bare, nonce=None))))["error"] == "invalid_request"


def test_a_public_client_is_never_exempted(hosted: Hosted) -> None:
    app = hosted.app(client_type="public", token_endpoint_auth_method="none", pkce_exempt=True)
    bare = app.ask(code_challenge=None, code_challenge_method=None)
    assert answer_of(hosted.browser().get(authorize_url(bare)))["error"] == "invalid_request"


# Loopback (RFC 8252 7.3)


@pytest.mark.parametrize(
    ("asked", "is_good"),
    [
        ("http://127.0.0.1:49152/cb", True),
        ("http://127.0.0.1/cb", True),
        ("http://127.0.0.1:49152/other", False),
        ("http://127.0.0.1:0/cb", False),
        ("http://127.0.0.1:99999/cb", False),
        ("http://localhost:49152/cb", False),
        ("https://127.0.0.1:49152/cb", False),
        ("http://127.0.0.1:49152@evil.example/cb", False),
        ("http://127.0.0.1.evil.example:1/cb", False),
    ],
)
def test_a_loopback_redirect_uri_may_have_any_port(hosted: Hosted, asked: str, is_good: bool) -> None:
    app = hosted.app(
        client_type="public", token_endpoint_auth_method="none", redirect_uris=("http://127.0.0.1:8000/cb",)
    )
    answer = hosted.browser().http.get(authorize_url(app.ask(redirect_uri=asked, prompt="none")))
    assert answer.status_code == (303 if is_good else 400)


# The whole way


def test_a_person_signs_in_and_the_client_gets_tokens(hosted: Hosted, app: App, person: Person) -> None:
    browser = hosted.browser()
    page = browser.page(authorize_url(app.ask(login_hint=person.email)))
    assert page.heading == "Sign in"
    assert "Timesheets" in page.text
    assert page.fields()["email"] == person.email, "login_hint fills the field"
    answer = answer_of(browser.sign_in(person, page))
    assert answer["iss"] == hosted.issuer
    assert answer["state"] == "a state & more"
    tokens = hosted.redeem(app, answer["code"])
    assert tokens.status_code == 200, tokens.text
    claims = json.loads(base64.urlsafe_b64decode(tokens.json()["id_token"].split(".")[1] + "=="))
    assert claims["sub"] == str(person.id)
    assert claims["nonce"] == "n-0S6_WzA2Mj"
    assert claims["amr"] == ["pwd"]
    issued = hosted.events(str(person.id), "authorization_code.issued")
    assert issued[-1]["client_id"] == app.client_id
    assert answer["code"] not in json.dumps(issued)


def test_a_signed_in_person_is_not_asked_again(app: App, signed_in: Browser) -> None:
    assert "code" in answer_of(signed_in.get(authorize_url(app.ask())))
    assert "code" in answer_of(signed_in.get(authorize_url(app.ask(prompt="none"))))


def test_a_request_by_post_is_answered_like_one_by_get(app: App, signed_in: Browser) -> None:
    first = signed_in.http.post("/oauth2/authorize", data=app.ask())
    assert first.status_code == 303
    assert first.headers["location"].startswith("/oauth2/authorize?")
    assert "code" in answer_of(signed_in.get(first.headers["location"]))


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
def test_a_fresh_sign_in_is_asked_for_once(
    app: App, person: Person, signed_in: Browser, changes: dict[str, str]
) -> None:
    before = signed_in.cookie("session")
    page = signed_in.page(authorize_url(app.ask(**changes)))
    assert page.heading == "Sign in"
    assert "code" in answer_of(signed_in.sign_in(person, page))
    assert signed_in.cookie("session") != before


def test_an_old_enough_session_satisfies_max_age(app: App, signed_in: Browser) -> None:
    assert "code" in answer_of(signed_in.get(authorize_url(app.ask(max_age="3600"))))


def test_an_id_token_hint_of_another_person_asks_for_that_person(hosted: Hosted, app: App, signed_in: Browser) -> None:
    other, theirs = hosted.person(), hosted.browser()
    theirs.sign_in(other)
    code = answer_of(theirs.get(authorize_url(app.ask())))["code"]
    hint = hosted.redeem(app, code).json()["id_token"]
    assert (
        answer_of(signed_in.get(authorize_url(app.ask(id_token_hint=hint, prompt="none"))))["error"] == "login_required"
    )
    page = signed_in.page(authorize_url(app.ask(id_token_hint=hint)))
    assert page.heading == "Sign in"
    stranger = hosted.person()
    assert answer_of(signed_in.sign_in(stranger, page))["error"] == "login_required"
    page = signed_in.page(authorize_url(app.ask(id_token_hint=hint)))
    assert "code" in answer_of(signed_in.sign_in(other, page))


def test_form_post_answers_with_a_form_whose_policy_names_the_client(app: App, signed_in: Browser) -> None:
    page = signed_in.page(authorize_url(app.ask(response_mode="form_post")))
    assert page.action == CALLBACK
    assert {"code", "state", "iss"} <= page.fields().keys()
    policy = page.response.headers["content-security-policy"]
    assert "form-action 'self' https://app.example" in policy
    assert re.search(r"script-src 'sha256-[^']+'", policy)


def test_the_request_on_its_detour_cannot_be_altered(hosted: Hosted, app: App, person: Person) -> None:
    browser = hosted.browser()
    page = browser.page(authorize_url(app.ask()))
    sealed = page.fields()["request"]
    for forged in (sealed[:-4] + "AAAA", "A" + sealed[1:], sealed + "x" * 20_000, "é", ""):
        answer = browser.http.get("/oauth2/authorize/continue", params={"request": forged})
        assert answer.status_code == 400
        assert "location" not in answer.headers
    answer = browser.submit(page, email=person.email, password=person.password, request="https://evil.example")
    assert answer.status_code == 400


def test_a_client_that_lost_its_redirect_uri_meanwhile_gets_no_code(hosted: Hosted, person: Person) -> None:
    app, browser = hosted.app(), hosted.browser()
    page = browser.page(authorize_url(app.ask()))
    with hosted.database() as connection:
        connection.execute("UPDATE clients SET redirect_uris = '{}' WHERE id = %s", (app.row,))
        connection.execute("INSERT INTO authority_changes (kind, entity_id) VALUES ('client', %s)", (app.client_id,))
    asked = authorize_url(app.ask())
    eventually(lambda: hosted.browser().http.get(asked).status_code == 400, "the client's change is known")
    assert browser.sign_in(person, page).status_code == 400


# Scopes and roles


def test_a_scope_whose_permissions_the_person_lacks_is_left_out(hosted: Hosted) -> None:
    scope, role = hosted.api()
    app = hosted.app(allowed_scopes=("openid", scope))
    for roles, expected in (((), {"openid"}), ((role,), {"openid", scope})):
        browser = hosted.browser()
        browser.sign_in(hosted.person(roles=roles))
        code = answer_of(browser.get(authorize_url(app.ask(scope=f"openid {scope}"))))["code"]
        assert set(hosted.redeem(app, code).json()["scope"].split()) == expected


def test_a_person_without_any_of_the_scopes_is_refused(hosted: Hosted, person: Person) -> None:
    scope, _ = hosted.api()
    app, browser = hosted.app(allowed_scopes=(scope,)), hosted.browser()
    browser.sign_in(person)
    assert answer_of(browser.get(authorize_url(app.ask(scope=scope))))["error"] == "access_denied"


def test_scopes_of_two_apis_are_refused(hosted: Hosted) -> None:
    first, second = hosted.api()[0], hosted.api()[0]
    app = hosted.app(allowed_scopes=("openid", first, second))
    answer = answer_of(hosted.browser().get(authorize_url(app.ask(scope=f"openid {first} {second}"))))
    assert answer["error"] == "invalid_scope"


def test_the_sign_in_pages_policy_lets_the_answer_reach_the_client(hosted: Hosted, app: App) -> None:
    page = hosted.browser().page(authorize_url(app.ask()))
    assert "form-action 'self' https://app.example;" in page.response.headers["content-security-policy"]
    assert dict(parse_qsl(urlsplit(str(page.response.url)).query)).keys() == {"request"}


def test_no_step_of_an_authorization_cuts_a_popup_off_from_its_application(hosted: Hosted) -> None:
    """Each answer on the way counts, redirects too (HTML 7.1.3: a mismatch swaps the browsing context group)."""
    person, app, browser = hosted.person(), hosted.app(require_consent=True), hosted.browser()
    seen: list[httpx.Response] = []
    browser.http.event_hooks["response"] = [seen.append]
    page = browser.page(authorize_url(app.ask()))
    consent = Page(browser.sign_in(person, page))
    answer_of(browser.submit(consent, decision="allow"))
    browser.get(authorize_url(app.ask(response_mode="form_post")))
    browser.get("/oauth2/authorize", client_id="nobody")
    browser.get("/oauth2/logout")
    assert len(seen) >= 9
    assert [str(answer.url) for answer in seen if "cross-origin-opener-policy" in answer.headers] == []
