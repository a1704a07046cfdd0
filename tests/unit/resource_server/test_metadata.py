"""Protected resource metadata (RFC 9728), and an application that mounts all of it."""

from __future__ import annotations

import httpx
import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette

from resource_server import AccessToken, Guard, InvalidTokenError, ProtectedResource, render_challenges

ISSUER = "https://id.example.com"
RESOURCE = ProtectedResource("https://api.example.com/orders", (ISSUER,), scopes=("orders:read",), name="Orders")


class Doorman:
    async def verify(self, unverified_token, /):
        if unverified_token != "good":
            raise InvalidTokenError
        empty = frozenset[str]()
        return AccessToken("u", "web", frozenset({"orders:read"}), empty, empty, None, "j", 2_000_000_000, {})


def an_app():
    app = FastAPI()
    guard = Guard(Doorman(), "orders", RESOURCE.url)
    app.router.routes.append(RESOURCE.route())
    render_challenges(app)

    @app.get("/read", dependencies=[Depends(guard.require(scopes=("orders:read",)))])
    def read():
        return {}

    @app.get("/write", dependencies=[Depends(guard.require(scopes=("orders:read", "orders:write")))])
    def write():
        return {}

    return app


@pytest.fixture
async def client():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(an_app()), base_url="https://api.example.com") as made:
        yield made


async def test_the_metadata_stands_between_host_and_path_and_leaves_out_what_is_empty(client):
    assert RESOURCE.url == "https://api.example.com/.well-known/oauth-protected-resource/orders"
    answer = await client.get(RESOURCE.url)
    assert answer.json() == {
        "resource": "https://api.example.com/orders",
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["orders:read"],
        "resource_name": "Orders",
    }


async def test_every_challenge_names_the_metadata(client):
    named = f'resource_metadata="{RESOURCE.url}"'
    nothing = await client.get("/read")
    assert (nothing.status_code, nothing.headers["www-authenticate"]) == (401, f'Bearer realm="orders", {named}')
    bad = await client.get("/read", headers={"authorization": "Bearer bad"})
    assert bad.status_code == 401
    assert 'error="invalid_token"' in bad.headers["www-authenticate"]
    assert named in bad.headers["www-authenticate"]


async def test_a_token_without_the_scopes_is_told_all_that_are_needed(client):
    good = {"authorization": "Bearer good"}
    assert (await client.get("/read", headers=good)).status_code == 200
    less = await client.get("/write", headers=good)
    assert (less.status_code, less.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="orders:read orders:write"' in less.headers["www-authenticate"]


@pytest.mark.parametrize(
    "address", ["urn:orders", "https://", "https://a.example.com/?q=1", "https://a.example.com/#x"]
)
def test_a_resource_is_an_address_without_query_and_fragment(address):
    with pytest.raises(ValueError, match="resource"):
        ProtectedResource(address, (ISSUER,))


async def test_starlette_alone_mounts_it_too():
    app = Starlette(routes=[RESOURCE.route()])
    render_challenges(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://x.example") as client:
        assert (await client.get(RESOURCE.path)).status_code == 200
