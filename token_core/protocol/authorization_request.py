"""RFC 6749 4.1.1, OpenID Connect Core 3.1.2.1, RFC 7636 4.3: what a client may ask at the authorization endpoint."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from token_core.errors import (
    InvalidRequest,
    InvalidScope,
    OAuthError,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from token_core.protocol import pkce
from token_core.protocol.form import form_decode
from token_core.protocol.prompt import Prompt, read_prompt
from token_core.protocol.redirect_uri import is_registered_redirect_uri
from token_core.protocol.scope import parse_scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_REQUEST_CHARACTERS = 8_000  # names and values together: what survives the detour through the sign-in page in a URL
MAX_NONCE_CHARACTERS = 512
MAX_AGE_LIMIT_SECONDS = 10 * 365 * 86_400
RESPONSE_MODES = ("query", "form_post")
RESPONSE_TYPES = ("code",)

_REPEATABLE = frozenset({"resource"})  # RFC 8707 2; not supported, hence ignored like any unknown name


class RegisteredClient(Protocol):
    """What the authorization endpoint has to know of a client."""

    @property
    def client_id(self) -> str: ...
    @property
    def client_type(self) -> str: ...
    @property
    def redirect_uris(self) -> Sequence[str]: ...
    @property
    def grant_types(self) -> Iterable[str]: ...
    @property
    def allowed_scopes(self) -> Iterable[str]: ...
    @property
    def pkce_exempt(self) -> bool: ...


class UnsafeRequest(Exception):
    """No client or no address is named that we could answer to: a page, never a redirect (RFC 6749 4.1.2.1)."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class FeatureNotSupported(OAuthError):
    """OpenID Connect Core 3.1.2.6: request_not_supported and its kin."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"{parameter} is not supported here.")
        self.error = f"{parameter}_not_supported"


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """Where and how the answer goes, known before anything else of the request is believed."""

    client_id: str
    redirect_uri: str
    response_mode: str
    state: str | None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that has passed every check which needs neither the person nor the database."""

    reply: ReplyAddress
    scopes: tuple[str, ...]
    nonce: str | None
    code_challenge: str | None
    prompt: frozenset[Prompt]
    max_age_seconds: int | None
    login_hint: str | None
    unverified_id_token_hint: str | None


def read_pairs(encoded: bytes) -> list[tuple[str, str]]:
    """Names and values in order, repeated ones too. Raises `UnsafeRequest` for what can't be read."""
    try:
        return [
            (form_decode(name), form_decode(value))
            for name, _, value in (pair.partition(b"=") for pair in encoded.split(b"&") if pair)
        ]
    except InvalidRequest as error:
        raise UnsafeRequest(error.description) from None


class Parameters:
    """The request's parameters by name. A parameter without a value counts as omitted (RFC 6749 3.1)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = tuple((name, value) for name, value in pairs if value)
        if sum(len(name) + len(value) for name, value in self.pairs) > MAX_REQUEST_CHARACTERS:
            raise UnsafeRequest(f"The request is longer than {MAX_REQUEST_CHARACTERS} characters.")
        self._values = dict(self.pairs)
        counts = Counter(name for name, _ in self.pairs)
        self.repeated = tuple(name for name, count in counts.items() if count > 1 and name not in _REPEATABLE)

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def only(self, name: str) -> str | None:
        """The value, unless the name was sent more than once."""
        return None if name in self.repeated else self._values.get(name)


def read_client_id(parameters: Parameters) -> str:
    """Raises `UnsafeRequest` where the request names no client, or several."""
    client_id = parameters.only("client_id")
    if client_id is None:
        raise UnsafeRequest("The request has to name one client, as client_id.")
    return client_id


def read_reply_address(parameters: Parameters, client: RegisteredClient) -> ReplyAddress:
    """Raises `UnsafeRequest` where the redirect URI is missing, repeated or not registered for the client."""
    redirect_uri = parameters.only("redirect_uri")
    if redirect_uri is None:
        raise UnsafeRequest("The request has to name one redirect_uri.")
    if not is_registered_redirect_uri(redirect_uri, client.redirect_uris):
        raise UnsafeRequest("The redirect_uri is not registered for this client.")
    mode = parameters.only("response_mode")
    return ReplyAddress(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        response_mode=mode if mode in RESPONSE_MODES else "query",
        state=parameters.only("state"),
    )


def read_authorization_request(
    parameters: Parameters, client: RegisteredClient, reply: ReplyAddress
) -> AuthorizationRequest:
    """Check the rest, in the order in which a client developer would want to hear of it.

    Raises:
        OAuthError: with the code that the client gets by redirect.
    """
    if parameters.repeated:
        raise InvalidRequest("a parameter was sent more than once.", detail="repeated_parameter")
    _refuse_what_is_not_supported(parameters)
    _check_response(parameters, client)
    scopes = _read_scopes(parameters.get("scope"), client)
    nonce = parameters.get("nonce")
    if nonce is not None and len(nonce) > MAX_NONCE_CHARACTERS:
        raise InvalidRequest(f"nonce is longer than {MAX_NONCE_CHARACTERS} characters")
    return AuthorizationRequest(
        reply=reply,
        scopes=scopes,
        nonce=nonce,
        code_challenge=_read_code_challenge(parameters, client, nonce),
        prompt=_read_prompt(parameters.get("prompt")),
        max_age_seconds=_read_max_age(parameters.get("max_age")),
        login_hint=parameters.get("login_hint"),
        unverified_id_token_hint=parameters.get("id_token_hint"),
    )


def _refuse_what_is_not_supported(parameters: Parameters) -> None:
    for name in ("request", "request_uri", "registration"):  # OpenID Connect Core 6.1, 6.2, 7.2.1
        if parameters.get(name) is not None:
            raise FeatureNotSupported(name)


def _check_response(parameters: Parameters, client: RegisteredClient) -> None:
    response_type = parameters.get("response_type")
    if response_type is None:
        raise InvalidRequest("response_type is missing; it has to be code")
    if response_type not in RESPONSE_TYPES:
        raise UnsupportedResponseType("response_type has to be code")
    mode = parameters.get("response_mode")
    if mode is not None and mode not in RESPONSE_MODES:
        raise InvalidRequest("response_mode has to be query or form_post")
    if "authorization_code" not in client.grant_types:
        raise UnauthorizedClient("this client may not use the authorization code grant")


def _read_scopes(text: str | None, client: RegisteredClient) -> tuple[str, ...]:
    scopes = parse_scope(text)
    if scopes is None:
        raise InvalidScope("scope is missing; for a sign-in it has to hold openid.", detail="scope_missing")
    allowed = frozenset(client.allowed_scopes)
    if not allowed.issuperset(scopes):
        raise InvalidScope("this client is not registered for one of the scopes.", detail="scope_not_allowed")
    return scopes


def _read_code_challenge(parameters: Parameters, client: RegisteredClient, nonce: str | None) -> str | None:
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None:
        # RFC 9700 2.1.1: a confidential client may lean on the nonce instead; only those that are registered so
        if client.pkce_exempt and client.client_type == "confidential" and nonce is not None and method is None:
            return None
        raise InvalidRequest("code_challenge is missing (PKCE with S256 is required)")
    if method not in pkce.METHODS:  # RFC 7636 4.3: an omitted method means plain, which is not supported
        raise InvalidRequest("code_challenge_method has to be S256")
    if not pkce.is_challenge(challenge):
        raise InvalidRequest("code_challenge has to be 43 characters of base64url")
    return challenge


def _read_prompt(text: str | None) -> frozenset[Prompt]:
    try:
        return read_prompt(text)
    except ValueError as error:
        raise InvalidRequest(str(error)) from None


def _read_max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise InvalidRequest("max_age has to be a whole number of seconds")
    return min(int(text), MAX_AGE_LIMIT_SECONDS)
