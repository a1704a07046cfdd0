from __future__ import annotations

import uuid

import pytest

from shared.secret_format import DEVICE_COOKIE, SESSION_COOKIE, make_secret
from token_core.sessions.cookies import (
    MAX_DEVICES_IN_COOKIE,
    CookieNames,
    Credential,
    parse_cookies,
    read_device_cookie,
    read_session_cookie,
    write_device_cookie,
)


def device() -> Credential:
    return Credential(uuid.uuid4(), make_secret(DEVICE_COOKIE))


def test_under_tls_cookies_have_the_host_prefix_and_the_secure_flag():
    names = CookieNames.under("https://id.example")
    for name in (names.session, names.device, names.form):
        assert name.startswith("__Host-")
        header = names.set(name, "v")
        assert "; Secure" in header
        assert "; Path=/" in header
        assert "; HttpOnly" in header
        assert "; SameSite=Lax" in header
        assert "Domain" not in header


def test_on_plain_http_cookies_have_no_prefix_that_browsers_would_refuse():
    names = CookieNames.under("http://localhost:8000")
    assert "__" not in names.session
    assert "Secure" not in names.set(names.session, "v")


def test_a_session_cookie_comes_back_as_it_was():
    credential = Credential(uuid.uuid4(), make_secret(SESSION_COOKIE))
    assert read_session_cookie(str(credential)) == credential


@pytest.mark.parametrize("value", ["", ".", "x.y", f"{uuid.uuid4()}.", f"{uuid.uuid4()}.ap_ss_short", "x" * 9000])
def test_what_we_never_made_is_no_session(value):
    assert read_session_cookie(value) is None


def test_a_device_secret_is_no_session():
    assert read_session_cookie(str(device())) is None


def test_a_browser_is_known_for_a_few_people_the_latest_first():
    known: tuple[Credential, ...] = ()
    made = [device() for _ in range(MAX_DEVICES_IN_COOKIE + 2)]
    for one in made:
        known = read_device_cookie(write_device_cookie(one, known))
    assert known == tuple(reversed(made))[:MAX_DEVICES_IN_COOKIE]
    assert read_device_cookie("~".join([str(made[0]), "junk"])) == (made[0],)


def test_a_broken_cookie_header_holds_no_cookies():
    assert parse_cookies(None) == {}
    assert parse_cookies("a=b; session=c") == {"a": "b", "session": "c"}
    assert parse_cookies(";;;=; = ;") == {}
    assert parse_cookies('session="c"; a') == {"session": '"c"', "a": ""}, "nothing of ours is quoted"
    assert len(parse_cookies('a="' + "\\" * 1_000_000 + '"')) == 1, "hours, if quotes were taken off"
