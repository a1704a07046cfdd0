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


@dataclass(frozen=True)
class Challenger:
    """Makes this API's challenges.

    Args:
        realm: without quotes or backslashes.
        resource_metadata: the URL of its metadata (RFC 9728 section 5.1).
    """

    realm: str
    resource_metadata: str | None = None

    def no_token(self) -> ChallengeError:
        """401 without an error code: the client may not have known that a token is needed (RFC 6750 section 3.1)."""
        return ChallengeError(401, None, "send an access token: Authorization: Bearer …", self._value())

    def invalid_request(self, description: str) -> ChallengeError:
        return self._error(400, "invalid_request", description)

    def invalid_token(self) -> ChallengeError:
        description = "the access token is malformed, expired, revoked, or not for this API"
        return self._error(401, "invalid_token", description)

    def insufficient_permission(self, permission: str) -> ChallengeError:
        description = f"the access token does not carry the permission {permission}"
        return self._error(403, "insufficient_scope", description)

    def insufficient_scope(self, scope: str) -> ChallengeError:
        """`scope`: all that is needed, separated by spaces; the client can ask for them."""
        description = "the access token does not carry every scope that is needed"
        return self._error(403, "insufficient_scope", description, scope)

    def _error(self, status: int, error: str, description: str, scope: str | None = None) -> ChallengeError:
        value = self._value(error=error, error_description=description, scope=scope)
        return ChallengeError(status, error, description, value)

    def _value(self, **attributes: str | None) -> str:
        every = {"realm": self.realm, **attributes, "resource_metadata": self.resource_metadata}
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in every.items() if value is not None)


def no_token(realm: str) -> ChallengeError:
    return Challenger(realm).no_token()


def invalid_request(realm: str, description: str) -> ChallengeError:
    return Challenger(realm).invalid_request(description)


def invalid_token(realm: str) -> ChallengeError:
    return Challenger(realm).invalid_token()


def insufficient_permission(realm: str, permission: str) -> ChallengeError:
    return Challenger(realm).insufficient_permission(permission)


def cannot_tell() -> ChallengeError:
    """503: the issuer's keys can't be had, so that the token is neither good nor bad."""
    return ChallengeError(
        503, "temporarily_unavailable", "tokens can't be verified now", challenge=None, retry_after_seconds=1
    )
