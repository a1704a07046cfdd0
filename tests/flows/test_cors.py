"""CORS: registered origins only, never credentials, never a reflection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.token_core import ORIGIN, REDIRECT_URI, VERIFIER

if TYPE_CHECKING:
    from tests.fixtures.token_core import TokenCore

ALLOW = "access-control-allow-origin"
BROWSER_PATHS = ("/oauth2/token", "/oauth2/revoke", "/oauth2/userinfo")


@pytest.mark.parametrize("path", BROWSER_PATHS)
def test_a_registered_origin_passes_the_preflight_and_no_other(token_core: TokenCore, path: str) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    with token_core.http() as http:
        allowed = http.options(path, headers={"origin": ORIGIN} | asks)
        assert allowed.status_code == 204
        assert allowed.headers[ALLOW] == ORIGIN
        assert "authorization" in allowed.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in allowed.headers
        for origin in ("https://evil.example", "null", ORIGIN + ".evil.example", ORIGIN.upper(), "*"):
            refused = http.options(path, headers={"origin": origin} | asks)
            assert ALLOW not in refused.headers
            assert refused.headers["vary"] == "origin"


def test_a_client_answers_its_own_origins_only(token_core: TokenCore) -> None:
    with token_core.http() as http:
        for client, is_readable in (("spa", True), ("other-spa", False)):
            form = {
                "grant_type": "authorization_code", "code": token_core.issue_code(client=client),
                "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER, "client_id": client,
            }  # fmt: skip
            response = http.post("/oauth2/token", data=form, headers={"origin": ORIGIN})
            assert response.status_code == 200
            assert (response.headers.get(ALLOW) == ORIGIN) is is_readable
            token = response.json()["access_token"]
            headers = {"origin": ORIGIN, "authorization": f"Bearer {token}"}
            userinfo = http.get("/oauth2/userinfo", headers=headers)
            assert (userinfo.headers.get(ALLOW) == ORIGIN) is is_readable


def test_a_registered_origin_can_read_its_errors(token_core: TokenCore) -> None:
    with token_core.http() as http:
        response = http.post("/oauth2/token", data={"grant_type": "x", "client_id": "spa"}, headers={"origin": ORIGIN})
        assert response.status_code == 400
        assert response.headers[ALLOW] == ORIGIN


def test_introspection_is_not_for_browsers(token_core: TokenCore) -> None:
    with token_core.http() as http:
        assert http.options("/oauth2/introspect", headers={"origin": ORIGIN}).status_code == 405
        assert ALLOW not in http.post("/oauth2/introspect", headers={"origin": ORIGIN}).headers
