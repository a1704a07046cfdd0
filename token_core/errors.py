"""What a request can fail with: one class per error code of the RFCs, rendered in one place (routes, hot.py).

`description` is public and fixed text: it says what the client's developer should do and never repeats what was sent.
`detail` is a short code for the log, the metrics and the audit event.
"""

from __future__ import annotations


class OAuthError(Exception):
    """An answer in the protocol's own form. Raised anywhere below the routes."""

    error = "invalid_request"
    status = 400
    description = "The request is malformed."
    redirectable = True  # may be told to the client's redirect URI once that is known to be registered
    retry_after_seconds: int | None = None

    def __init__(self, description: str | None = None, *, detail: str | None = None, status: int | None = None) -> None:
        super().__init__(detail or self.error)
        if description is not None:
            self.description = description
        if status is not None:
            self.status = status
        self.detail = detail or self.error

    def body(self) -> dict[str, str]:
        """RFC 6749 5.2."""
        return {"error": self.error, "error_description": self.description}


class InvalidRequest(OAuthError):
    """RFC 6749 5.2, 4.1.2.1."""


class InvalidClient(OAuthError):
    """RFC 6749 5.2: always 401 with a challenge."""

    error = "invalid_client"
    status = 401
    description = "Client authentication failed: check the client id, the secret and the registered method."
    redirectable = False


class InvalidGrant(OAuthError):
    """RFC 6749 5.2."""

    error = "invalid_grant"
    description = "The grant is unknown, expired, already used, or belongs to another client."
    redirectable = False


class UnauthorizedClient(OAuthError):
    """RFC 6749 5.2."""

    error = "unauthorized_client"
    description = "This client is not registered for that."


class UnsupportedGrantType(OAuthError):
    """RFC 6749 5.2."""

    error = "unsupported_grant_type"
    description = "grant_type is not one that the discovery document lists."
    redirectable = False


class UnsupportedResponseType(OAuthError):
    """RFC 6749 4.1.2.1."""

    error = "unsupported_response_type"
    description = "response_type must be code."


class InvalidScope(OAuthError):
    """RFC 6749 5.2."""

    error = "invalid_scope"
    description = "A scope is unknown, not registered for this client, or needs a role that the subject does not hold."


class AccessDenied(OAuthError):
    """RFC 6749 4.1.2.1."""

    error = "access_denied"
    description = "The request was refused."


class ServerError(OAuthError):
    """RFC 6749 4.1.2.1: what should not happen."""

    error = "server_error"
    status = 500
    description = "Something went wrong here. The request id names this failure in our logs."


class TemporarilyUnavailable(OAuthError):
    """A part that this needs is down, or an outcome is not known: try again (P4: "cannot tell" is never "no")."""

    error = "temporarily_unavailable"
    status = 503
    description = "A part of the service is unavailable: try again."
    retry_after_seconds = 1


class LoginRequired(OAuthError):
    """OpenID Connect Core 3.1.2.6."""

    error = "login_required"
    description = "The person has to sign in."


class ConsentRequired(OAuthError):
    """OpenID Connect Core 3.1.2.6."""

    error = "consent_required"
    description = "The person has to consent."


class InteractionRequired(OAuthError):
    """OpenID Connect Core 3.1.2.6."""

    error = "interaction_required"
    description = "The person has to act."


class BearerError(OAuthError):
    """RFC 6750 3.1: answered with a Bearer challenge."""

    status = 401
    redirectable = False


class MissingToken(BearerError):
    """RFC 6750 3.1: no credentials at all, so no error code in the challenge."""

    error = "invalid_token"
    description = "An access token is needed."


class InvalidToken(BearerError):
    """RFC 6750 3.1."""

    error = "invalid_token"
    description = "The access token is malformed, expired or revoked."


class InsufficientScope(BearerError):
    """RFC 6750 3.1."""

    error = "insufficient_scope"
    status = 403
    description = "The access token was not granted the scope openid."
