"""What an API mounts to verify this platform's access tokens by itself. Imports none of the platform's other rooms."""

from __future__ import annotations

from resource_server.access_token import AccessToken, AccessTokenVerifier, InvalidTokenError
from resource_server.challenge import ChallengeError
from resource_server.dependency import Guard
from resource_server.jwks import JwksCache, KeysUnavailableError

__all__ = [
    "AccessToken",
    "AccessTokenVerifier",
    "ChallengeError",
    "Guard",
    "InvalidTokenError",
    "JwksCache",
    "KeysUnavailableError",
]
