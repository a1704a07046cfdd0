"""RFC 6265bis: the three cookies of the hosted pages, their names, values and attributes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from shared.secret_format import DEVICE_COOKIE, SESSION_COOKIE, is_well_formed

DEVICE_COOKIE_SECONDS = 400 * 86_400  # as long as browsers keep any cookie
MAX_DEVICES_IN_COOKIE = 4  # people who share a browser


@dataclass(frozen=True, slots=True)
class Credential:
    """A row's id, and the secret whose SHA-256 is in the row."""

    id: uuid.UUID
    secret: str

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}"


@dataclass(frozen=True, slots=True)
class CookieNames:
    session: str
    device: str
    form: str  # what form tokens are bound to, before and after the sign-in

    @classmethod
    def under(cls, issuer: str) -> CookieNames:
        """`__Host-` where there is TLS: such a cookie can't be set by a sibling host or over plain http."""
        prefix = "__Host-" if issuer.startswith("https://") else ""
        return cls(f"{prefix}session", f"{prefix}device", f"{prefix}form")

    def set(self, name: str, value: str, *, max_age_seconds: int | None = None) -> str:
        """A Set-Cookie value. Without an age it goes with the browser; the server's own expiry is what counts."""
        age = "" if max_age_seconds is None else f"; Max-Age={max_age_seconds}"
        secure = "; Secure" if name.startswith("__Host-") else ""
        return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"

    def clear(self, name: str) -> str:
        return self.set(name, "", max_age_seconds=0)


def read_session_cookie(value: str | None) -> Credential | None:
    """None where there is none, or nothing that we made."""
    return None if value is None else _read(value, SESSION_COOKIE)


def read_device_cookie(value: str | None) -> tuple[Credential, ...]:
    """This browser's credentials, one for each person it is known for, the latest first."""
    if value is None or len(value) > 1_000:
        return ()
    parts = (_read(part, DEVICE_COOKIE) for part in value.split("~")[:MAX_DEVICES_IN_COOKIE])
    return tuple(part for part in parts if part is not None)


def write_device_cookie(newest: Credential, others: tuple[Credential, ...]) -> str:
    kept = [newest, *(other for other in others if other.id != newest.id)]
    return "~".join(str(credential) for credential in kept[:MAX_DEVICES_IN_COOKIE])


def parse_cookies(header: str | None) -> dict[str, str]:
    """The request's cookies, their values as they stand: ours are never quoted.

    Not `http.cookies`, whose time to take quotes off grows with the square of what anybody may send.
    """
    pairs = (part.partition("=") for part in (header or "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def _read(value: str, prefix: str) -> Credential | None:
    identifier, _, secret = value.partition(".")
    try:
        parsed = uuid.UUID(identifier)
    except ValueError:
        return None
    if str(parsed) != identifier or not is_well_formed(prefix, secret):
        return None
    return Credential(parsed, secret)
