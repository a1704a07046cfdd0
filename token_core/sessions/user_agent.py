"""What a browser calls itself, in words that a person knows. Never trusted: it only helps to recognise a device."""

from __future__ import annotations

_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"), ("Linux", "Linux"),
)  # fmt: skip
_LONGEST = 60


def described(user_agent: str | None) -> str:
    """`Firefox on Windows`; what is none of those we know, as it is, cut."""
    if not user_agent:
        return "Unknown browser"
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser is None:
        shown = user_agent[:_LONGEST]
        return shown if len(user_agent) <= _LONGEST else f"{shown}…"
    return browser if system is None else f"{browser} on {system}"


def is_phone(user_agent: str | None) -> bool:
    return any(mark in (user_agent or "") for mark in ("iPhone", "Android", "Mobile"))
