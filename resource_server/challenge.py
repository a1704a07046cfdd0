"""What a request without a good token is answered (RFC 6750 section 3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)  # not frozen: Python writes the traceback into it
class ChallengeError(Exception):
    """An answer to render: status, the challenge for `WWW-Authenticate`, and a sentence for the client's developer."""

    status: int
    error: str | None
    description: str
    challenge: str | None = None
    retry_after_seconds: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        headers = {"cache-control": "no-store"}
        if self.challenge is not None:
            headers["www-authenticate"] = self.challenge
        if self.retry_after_seconds is not None:
            headers["retry-after"] = str(self.retry_after_seconds)
        return headers


def no_token(realm: str) -> ChallengeError:
    """401 without an error code: the client may not have known that a token is needed (RFC 6750 section 3.1)."""
    return ChallengeError(401, None, "send an access token: Authorization: Bearer …", f'Bearer realm="{realm}"')


def invalid_request(realm: str, description: str) -> ChallengeError:
    return _challenge(400, realm, "invalid_request", description)


def invalid_token(realm: str) -> ChallengeError:
    description = "the access token is malformed, expired, revoked, or not for this API"
    return _challenge(401, realm, "invalid_token", description)


def insufficient_permission(realm: str, permission: str) -> ChallengeError:
    description = f"the access token does not carry the permission {permission}"
    return _challenge(403, realm, "insufficient_scope", description)


def cannot_tell() -> ChallengeError:
    """503: the issuer's keys can't be had, so that the token is neither good nor bad."""
    return ChallengeError(
        503, "temporarily_unavailable", "tokens can't be verified now", challenge=None, retry_after_seconds=1
    )


def _challenge(status: int, realm: str, error: str, description: str) -> ChallengeError:
    challenge = f'Bearer realm="{realm}", error="{error}", error_description="{description}"'
    return ChallengeError(status, error, description, challenge)
