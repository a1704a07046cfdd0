"""What an API mounts to verify this platform's access tokens. Imports none of the platform's other rooms.

resource = ProtectedResource("https://orders.example.com", ("https://id.example.com",), scopes=("orders:read",))
keys = JwksCache("https://id.example.com/oauth2/jwks")
verifier = AccessTokenVerifier("https://id.example.com", "https://orders.example.com", keys)
guard = Guard(verifier, "orders", resource.url)
app.router.routes.append(resource.route())
render_challenges(app)

@app.get("/orders", dependencies=[Depends(guard.require(scopes=("orders:read",)))])
"""

from __future__ import annotations

from resource_server.access_token import AccessToken, AccessTokenVerifier, InvalidTokenError
from resource_server.challenge import ChallengeError
from resource_server.dependency import Guard, Verifier, render_challenges
from resource_server.introspection import IntrospectingVerifier
from resource_server.jwks import JwksCache, KeysUnavailableError
from resource_server.metadata import ProtectedResource

__all__ = [
    "AccessToken",
    "AccessTokenVerifier",
    "ChallengeError",
    "Guard",
    "IntrospectingVerifier",
    "InvalidTokenError",
    "JwksCache",
    "KeysUnavailableError",
    "ProtectedResource",
    "Verifier",
    "render_challenges",
]
