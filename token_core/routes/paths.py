"""Every endpoint's path, once."""

from __future__ import annotations

OPENID_CONFIGURATION = "/.well-known/openid-configuration"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
JWKS = "/oauth2/jwks"
AUTHORIZE = "/oauth2/authorize"
TOKEN = "/oauth2/token"  # noqa: S105 - a path
USERINFO = "/oauth2/userinfo"
INTROSPECT = "/oauth2/introspect"
REVOKE = "/oauth2/revoke"
LOGOUT = "/oauth2/logout"
LIVE = "/health/live"
READY = "/health/ready"
METRICS = "/metrics"
