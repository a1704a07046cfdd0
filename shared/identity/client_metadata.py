"""What a client's registration may say (RFC 7591 section 2, RFC 8252 section 7, RFC 9700 section 2.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.identity.registration import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.identity.registration import NewClient

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_URI = re.compile(r"[\x21-\x7e]{1,2000}")
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


def is_client_id(text: str) -> bool:
    """Letters, digits, `.`, `_`, `-`; it stands in URLs and in the `sub` of the client's tokens."""
    return _CLIENT_ID.fullmatch(text) is not None


def is_redirect_uri(text: str) -> bool:
    """Absolute, without fragment or user info: https, plain http on a loopback, or a private scheme with a dot."""
    if _URI.fullmatch(text) is None or "#" in text or "*" in text or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if "@" in parts.netloc:
        return False
    if parts.scheme == "https":
        return bool(host)
    if parts.scheme == "http":
        return parts.netloc.rpartition(":")[0] in _LOOPBACK or parts.netloc in _LOOPBACK
    return "." in parts.scheme  # RFC 8252 section 7.1: a reversed domain name


def is_origin(text: str) -> bool:
    """`https://host[:port]`, or plain http on a loopback; nothing after it (RFC 6454 section 6.2)."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return is_redirect_uri(text) and parts.scheme in {"http", "https"} and text == f"{parts.scheme}://{parts.netloc}"


def require_consistent(client: NewClient) -> None:
    """Let only registrations through that can work and that no rule forbids.

    Raises:
        RegistrationError: naming the field.
    """
    if not is_client_id(client.client_id):
        raise RegistrationError("client_id", "letters, digits, '.', '_' and '-', at most 100")
    is_public = client.client_type == "public"
    if is_public != (client.token_endpoint_auth_method == "none"):  # noqa: S105 - a method's name
        raise RegistrationError("token_endpoint_auth_method", "none for a public client, and for no other")
    if is_public and "client_credentials" in client.grant_types:
        raise RegistrationError("grant_types", "a public client can't prove itself: no client_credentials")
    if is_public and client.resource_server_audience is not None:
        raise RegistrationError("resource_server_audience", "an API has a secret")
    if is_public and client.pkce_exempt:
        raise RegistrationError("pkce_exempt", "only a confidential client can be exempted")
    require_consistent_grants(client.grant_types, client.redirect_uris)
    for field, uris in (
        ("redirect_uris", client.redirect_uris),
        ("post_logout_redirect_uris", client.post_logout_redirect_uris),
    ):
        if not all(is_redirect_uri(uri) for uri in uris):
            raise RegistrationError(field, "https, http on a loopback, or a private scheme; no fragment")
    if not all(is_origin(origin) for origin in client.allowed_origins):
        raise RegistrationError("allowed_origins", "scheme://host[:port] and nothing after it")


def require_consistent_grants(grant_types: Sequence[str], redirect_uris: Sequence[str]) -> None:
    """What a client has to have for its grants. Raises RegistrationError."""
    if not set(grant_types) <= set(GRANT_TYPES):
        raise RegistrationError("grant_types", f"of {', '.join(GRANT_TYPES)}")
    if "authorization_code" in grant_types and not redirect_uris:
        raise RegistrationError("redirect_uris", "authorization_code needs at least one")
    if "refresh_token" in grant_types and "authorization_code" not in grant_types:
        raise RegistrationError("grant_types", "refresh_token comes of authorization_code")
