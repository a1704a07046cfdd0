"""The hot endpoints, by path."""

from __future__ import annotations

from token_core.hot import HotRoute
from token_core.routes import paths
from token_core.routes.discovery import discovery, jwks
from token_core.routes.health import live, metrics_page, ready
from token_core.routes.introspect import introspect
from token_core.routes.revoke import revoke
from token_core.routes.token import token
from token_core.routes.userinfo import userinfo

_READ = ("GET", "HEAD")

HOT_ROUTES: dict[str, HotRoute] = {
    paths.TOKEN: HotRoute(token, ("POST",), cors="registered"),
    paths.INTROSPECT: HotRoute(introspect, ("POST",)),
    paths.REVOKE: HotRoute(revoke, ("POST",), cors="registered"),
    paths.USERINFO: HotRoute(userinfo, ("GET", "POST"), cors="registered"),
    paths.JWKS: HotRoute(jwks, _READ, cors="public"),
    paths.OPENID_CONFIGURATION: HotRoute(discovery, _READ, cors="public"),
    paths.AUTHORIZATION_SERVER: HotRoute(discovery, _READ, cors="public"),
    paths.LIVE: HotRoute(live, _READ),
    paths.READY: HotRoute(ready, _READ),
    paths.METRICS: HotRoute(metrics_page, _READ),
}
