"""RFC 6749 4.1.2, RFC 9207 2, OAuth 2.0 Form Post Response Mode: how an answer travels back through the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

_WEB_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?=[/?#]|$)")

if TYPE_CHECKING:
    from token_core.protocol.authorization_request import ReplyAddress


def success_parameters(reply: ReplyAddress, code: str, issuer: str) -> dict[str, str]:
    return {"code": code, **_state(reply), "iss": issuer}


def error_parameters(reply: ReplyAddress, error: str, description: str, issuer: str) -> dict[str, str]:
    return {"error": error, "error_description": description, **_state(reply), "iss": issuer}


def _state(reply: ReplyAddress) -> dict[str, str]:
    return {} if reply.state is None else {"state": reply.state}


def with_query(uri: str, parameters: dict[str, str]) -> str:
    """The URI with the parameters added to its query (RFC 6749 3.1.2). Registered URIs have no fragment."""
    if not parameters:
        return uri
    separator = "" if uri.endswith(("?", "&")) else "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(parameters)}"


def form_action_source(uri: str) -> str:
    """What a Content-Security-Policy must list in form-action, so that a form's answer may redirect to the URI.

    Browsers apply form-action to the redirects that follow a form's submission too. CSP has no way to write an IPv6
    address, nor the host of a private-use scheme: there the scheme alone is listed.
    """
    match = _WEB_ORIGIN.match(uri)
    return match[0] if match else f"{urlsplit(uri).scheme}:"
