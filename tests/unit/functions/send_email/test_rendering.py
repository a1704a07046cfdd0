from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.send_email.rendering import _NOTICES, _PATHS, _SUBJECTS, Renderer
from shared.email_links import read_link_token
from tests.unit.functions.send_email.test_mail import MAIL

KEY = b"k" * 32
ISSUER = "https://id.example.com"
RENDERER = Renderer(issuer=ISSUER, platform_name="Acme <ID>", link_key=KEY)
PURPOSE = {
    "welcome": "set_password", "password_reset": "set_password", "email_verification": "verify_email",
    "trust_device": "trust_device", "security_notice": None, "email_change": "confirm_email_change",
    "email_changed": "undo_email_change",
}  # fmt: skip


def mail(template: str, **changes):
    return replace(MAIL, template=template, link_purpose=PURPOSE[template], wished_email="ada@new.example", **changes)


class Attributes(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.addresses, self.text = set(), [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in {"href", "src", "action", "background", "srcset"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("template", _SUBJECTS)
def test_html_and_text_have_the_one_link_and_it_opens_this_mail_alone(template: str) -> None:
    rendered = RENDERER.render(mail(template))
    links = re.findall(re.escape(ISSUER) + r"\S*token=\S+", rendered.text)
    if PURPOSE[template] is None:
        assert links == [] and "token=" not in rendered.html
        return
    (link,) = links
    path, _, token = link.removeprefix(ISSUER).partition("?token=")
    assert path == _PATHS[PURPOSE[template]]
    assert read_link_token(KEY, token, PURPOSE[template]) == MAIL.id
    assert link in Attributes(rendered.html).addresses


@pytest.mark.parametrize("template", _SUBJECTS)
def test_nothing_is_fetched_and_nobody_is_tracked(template: str) -> None:
    parsed = Attributes(RENDERER.render(mail(template)).html)
    assert not parsed.tags & {"img", "script", "iframe", "link", "object", "form", "video"}
    assert all(address.startswith(ISSUER) for address in parsed.addresses)


@pytest.mark.parametrize("template", _SUBJECTS)
@given(name=st.text(min_size=1, max_size=80))
def test_a_name_can_bring_neither_markup_nor_a_link_into_a_mail(template: str, name: str) -> None:
    plain = Attributes(RENDERER.render(mail(template)).html)
    named = RENDERER.render(mail(template, profile={"given_name": name}))
    parsed = Attributes(named.html)
    assert parsed.tags == plain.tags and parsed.addresses == plain.addresses
    assert named.subject == RENDERER.render(mail(template)).subject


@pytest.mark.parametrize(
    "name",
    [
        "www.evil.example",
        "https://evil.example",
        "<b>Ada</b>",
        "ada@evil.example",
        "evil\\example",
        "a:b",
        "A\r\nBcc: x",
        "x" * 65,
    ],
)
def test_a_name_that_a_mail_program_would_link_is_left_out(name: str) -> None:
    rendered = RENDERER.render(mail("welcome", profile={"given_name": name, "name": name}))
    assert name not in rendered.text and "evil" not in rendered.html


def test_a_subject_is_one_line() -> None:
    for template in _SUBJECTS:
        assert "\n" not in RENDERER.render(mail(template)).subject


@pytest.mark.parametrize("what", [*_NOTICES, "<script>", None, 7])
def test_a_notice_says_only_what_the_platform_wrote(what: object) -> None:
    rendered = RENDERER.render(mail("security_notice", parameters={"what": what}))
    assert "<script>" not in rendered.html
    assert any(
        " ".join(text.split()) in " ".join(rendered.text.split()) for text in (*_NOTICES.values(), "A security setting")
    )


@pytest.mark.parametrize(
    ("lives", "words"),
    [(timedelta(days=7), "7 days"), (timedelta(days=1), "1 day"), (timedelta(hours=1), "1 hour"),
     (timedelta(minutes=90), "1 hour"), (timedelta(minutes=5), "5 minutes"), (timedelta(seconds=1), "1 minute")],
)  # fmt: skip
def test_how_long_a_link_is_good_is_never_promised_too_long(lives: timedelta, words: str) -> None:
    text = " ".join(RENDERER.render(mail("welcome", link_expires_at=MAIL.created_at + lives)).text.split())
    assert f"for {words}." in text


def test_a_template_that_there_is_none_of_is_not_known() -> None:
    assert RENDERER.knows("welcome") and not RENDERER.knows("../welcome")


def test_the_new_address_is_told_nothing_of_the_old_and_the_old_one_what_comes() -> None:
    told = {to: RENDERER.render(mail("email_change", parameters={"to": to})).text for to in ("old", "new")}
    assert "ada@new.example" in told["old"]
    assert MAIL.email is not None
    assert MAIL.email not in told["new"]
    assert told["old"] != told["new"]
