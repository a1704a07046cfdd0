"""What every hosted page tells the browser: no scripts, no frames, no third parties, no traces.

No Cross-Origin-Opener-Policy on the way of an authorization: it would part a popup's sign-in from its application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def page_headers(*, is_https: bool, form_targets: Iterable[str] = (), script_hash: str | None = None) -> dict[str, str]:
    """The headers of one page.

    Args:
        is_https: the issuer has TLS.
        form_targets: sources besides our own that the page's forms end up at, redirects included.
        script_hash: of the one inline script that the page may run, if any (`sha256-…`).
    """
    script = f"; script-src '{script_hash}'" if script_hash else ""
    targets = " ".join(("'self'", *form_targets))
    headers = {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'"
            f"{script}; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "X-Robots-Tag": "noindex",
    }
    if is_https:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return headers
