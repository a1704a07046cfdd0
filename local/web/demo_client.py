"""A web application as a client developer would write it: signs a person in and shows what it got."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.web.server import Pages

_COOKIE = "demo_state"
_PENDING_LIMIT = 100


class DemoClient:
    """Authorization code with PKCE (RFC 7636), as the seeded confidential web client."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._pending: OrderedDict[str, str] = OrderedDict()  # state -> code_verifier

    def routes(self) -> list[Route]:
        return [Route("/demo", self._begin), Route("/demo/callback", self._callback)]

    async def _begin(self, _: Request) -> Response:
        stack = self._pages.view.stack
        if not stack.ready:
            return self._pages.render("away.html", 503, what="The platform")
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        self._pending[state] = verifier
        while len(self._pending) > _PENDING_LIMIT:
            self._pending.popitem(last=False)
        client = stack.demo["web_client"]
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": client["client_id"],
            "redirect_uri": client["redirect_uri"],
            "scope": client.get("scope", "openid profile email offline_access"),
            "state": state,
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        response = RedirectResponse(f"{stack.addresses.issuer}/oauth2/authorize?{urlencode(query)}", 303)
        response.set_cookie(_COOKIE, state, httponly=True, samesite="lax", max_age=600)
        return response

    async def _callback(self, request: Request) -> Response:
        """Redeems the code if this client asked for it; a code that somebody else asked for is left alone."""
        parameters = request.query_params
        state = parameters.get("state", "")
        ours = hmac.compare_digest(request.cookies.get(_COOKIE, "").encode(), state.encode())
        verifier = self._pending.pop(state, None) if ours and state else None
        if "error" in parameters or verifier is None:
            return self._pages.render("callback.html", parameters=dict(parameters), answer=None, claims=None)
        stack = self._pages.view.stack
        client = stack.demo["web_client"]
        try:
            answer = await self._pages.view.http.post(
                f"{stack.addresses.issuer}/oauth2/token",
                data={
                    "grant_type": "authorization_code",
                    "code": parameters.get("code", ""),
                    "redirect_uri": client["redirect_uri"],
                    "code_verifier": verifier,
                },
                auth=(client["client_id"], client["client_secret"]),
            )
        except httpx.HTTPError:
            return self._pages.render("away.html", 503, what="The token core")
        body = answer.json()
        claims = {name: _claims(body[name]) for name in ("id_token", "access_token") if name in body}
        return self._pages.render("callback.html", parameters=dict(parameters), answer=body, claims=claims)


def _claims(token: str) -> Any:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
