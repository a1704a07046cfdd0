from __future__ import annotations

import pytest

from token_core.web.csrf import ForeignForm, check_form, check_origin, form_token, new_form_cookie

KEY, OWN = b"k" * 32, "https://id.example"


def test_a_token_belongs_to_its_cookie_alone():
    cookie, other = new_form_cookie(), new_form_cookie()
    check_form(KEY, cookie=cookie, token=form_token(KEY, cookie))
    for wrong in (other, None, "", "x" * 43):
        with pytest.raises(ForeignForm):
            check_form(KEY, cookie=wrong, token=form_token(KEY, cookie))
    for token in (None, "", "é", form_token(b"o" * 32, cookie)):
        with pytest.raises(ForeignForm):
            check_form(KEY, cookie=cookie, token=token)


@pytest.mark.parametrize(
    ("origin", "site", "is_ours"),
    [
        (OWN, "same-origin", True),
        ("null", "same-origin", True),
        (None, None, True),
        (OWN, None, True),
        (None, "none", True),
        ("null", "cross-site", False),
        (OWN, "same-site", False),
        ("https://evil.example", None, False),
        ("https://id.example.evil.example", "same-origin", False),
        ("http://id.example", None, False),
    ],
)
def test_a_form_from_elsewhere_is_known_by_what_the_browser_says(origin, site, is_ours):
    if is_ours:
        check_origin(OWN, origin=origin, sec_fetch_site=site)
    else:
        with pytest.raises(ForeignForm):
            check_origin(OWN, origin=origin, sec_fetch_site=site)
