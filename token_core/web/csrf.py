"""Forms that only our own pages can send: a signed token bound to a cookie, and where browsers say it, the origin."""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode

_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")


class ForeignForm(Exception):
    """The form was not sent from a page that this browser got from us, or the cookie has gone."""


def new_form_cookie() -> str:
    return secrets.token_urlsafe(32)


def is_form_cookie(value: str | None) -> bool:
    return value is not None and _COOKIE.fullmatch(value) is not None


def form_token(key: bytes, cookie: str) -> str:
    mac = hmac.digest(key, b"form token\0" + cookie.encode(), "sha256")
    return urlsafe_b64encode(mac).rstrip(b"=").decode()


def check_form(key: bytes, *, cookie: str | None, token: str | None) -> None:
    """Raises `ForeignForm` where the token doesn't belong to the cookie."""
    if cookie is None or not is_form_cookie(cookie) or token is None:
        raise ForeignForm
    if not hmac.compare_digest(form_token(key, cookie).encode(), token.encode(errors="replace")):
        raise ForeignForm


def check_origin(own_origin: str, *, origin: str | None, sec_fetch_site: str | None) -> None:
    """Raises `ForeignForm` where the browser says that another site sent the form.

    Under `Referrer-Policy: no-referrer` browsers send `Origin: null` even from our own pages; then Sec-Fetch-Site,
    which they send to trustworthy addresses, decides, and without it the token alone.
    """
    if sec_fetch_site is not None and sec_fetch_site not in {"same-origin", "none"}:
        raise ForeignForm
    if origin is not None and origin not in {own_origin, "null"}:
        raise ForeignForm
