"""The work that is measured, each side of it as a series, by the ordinary endpoints."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.load import Load, Request, drive, drive_each
from benchmarks.organisation import REDIRECT_URI, VERIFIER, issue_codes
from benchmarks.rounds import Series

if TYPE_CHECKING:
    from benchmarks.parts import Platform, Server

CONNECTIONS = FAMILIES = 64
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/oauth2/jwks"
CORE_TOKEN, PEER_TOKEN, PEER_JWKS = "/oauth2/token", "/token", "/jwks"
_FORM = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass(frozen=True)
class Peer:
    server: Server
    secret: str
    refresh_tokens: list[str]


def ask(server: Server, request: Request) -> bytes:
    """One answer's body.

    Raises:
        AssertionError: it is not 200.
    """
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(request.method, request.path, request.body or None, dict(request.headers))
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (request.path, answer.status, body[:300])
    connection.close()
    return body


def machine_request(path: str, secret: str) -> Request:
    """client_credentials, as both sides take it."""
    return Request(
        "POST", path, (_FORM, _basic("machine", secret)), "grant_type=client_credentials&scope=orders.read+orders.write"
    )


def steady(name: str, server: Server, request: Request) -> Series:
    """The same request on every connection."""
    return Series(name, server, lambda seconds: drive(server.port, request, CONNECTIONS, seconds))


class Rotating:
    """Connections that each rotate a family of their own, on and on over the rounds."""

    def __init__(self, server: Server, path: str, secret: str, tokens: list[str]) -> None:
        self._server, self._path, self._auth, self._tokens = server, path, _basic("web", secret), tokens

    def series(self, name: str) -> Series:
        return Series(name, self._server, self._drive)

    def _drive(self, seconds: float) -> Load:
        return drive_each(self._server.port, self._next, len(self._tokens), seconds)

    def _next(self, connection: int, body: bytes) -> bytes:
        if body:
            self._tokens[connection] = json.loads(body)["refresh_token"]
        form = f"grant_type=refresh_token&refresh_token={self._tokens[connection]}"
        return Request("POST", self._path, (_FORM, self._auth), form).raw(f"127.0.0.1:{self._server.port}")


def signed_in(platform: Platform) -> list[str]:
    """Refresh tokens of the token core, each from the code of a person of its own."""
    tokens = []
    for code in issue_codes(platform.dsn, platform.redis_url, FAMILIES):
        form = f"grant_type=authorization_code&code={code}&redirect_uri={REDIRECT_URI}&code_verifier={VERIFIER}"
        answer = ask(platform.core, Request("POST", CORE_TOKEN, (_FORM, _basic("web", platform.secrets.web)), form))
        tokens.append(json.loads(answer)["refresh_token"])
    return tokens


def _basic(client_id: str, secret: str) -> tuple[str, str]:
    return ("Authorization", "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode())
