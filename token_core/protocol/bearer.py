"""RFC 6750 2: how a request presents an access token. Never in the query (RFC 9700 4.3.2)."""

from __future__ import annotations

import re

from token_core.errors import InvalidRequest, InvalidToken, MissingToken

MAX_TOKEN = 16 * 1024
_B64TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


def read_bearer(authorization: bytes | None, parameters: dict[str, str]) -> str:
    """The token, from the header or from a form body, but not both.

    Raises:
        MissingToken: there is none.
        InvalidRequest: two are given.
        InvalidToken: it hasn't a token's form.
    """
    posted = parameters.get("access_token")
    if authorization is None:
        if posted is None:
            raise MissingToken(detail="no_token")
        token = posted.encode()
    elif posted is not None:
        raise InvalidRequest("Give the access token once: in the header or in the body.", detail="two_tokens")
    else:
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            raise MissingToken(detail="auth_scheme")
        token = token.strip()
    if len(token) > MAX_TOKEN or not _B64TOKEN.fullmatch(token):
        raise InvalidToken(detail="token_syntax")
    return token.decode()


def challenge(error: str | None, description: str | None, scope: str | None = None) -> bytes:
    """RFC 6750 3: the WWW-Authenticate value. `error` is None where no token was given."""
    parts = ['realm="userinfo"']
    if error is not None:
        parts += [f'error="{error}"', f'error_description="{description}"']
    if scope is not None:
        parts.append(f'scope="{scope}"')
    return ("Bearer " + ", ".join(parts)).encode()
