"""OpenID Connect RP-Initiated Logout 1.0: what a client may ask when it signs a person out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from token_core.protocol.authorization_request import Parameters
    from token_core.tokens.id_token_hint import VerifiedHint


class LogoutClient(Protocol):
    @property
    def client_id(self) -> str: ...
    @property
    def post_logout_redirect_uris(self) -> Sequence[str]: ...


class LogoutRefused(Exception):
    """The request can't be trusted: an error page, and no redirect. `description` is for the client's developer."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    client_id: str | None
    redirect_uri: str | None
    state: str | None
    hint: VerifiedHint | None


def check_not_repeated(parameters: Parameters) -> None:
    if parameters.repeated:
        raise LogoutRefused("A parameter was sent more than once.")


def read_logout_client_id(parameters: Parameters, hint: VerifiedHint | None) -> str | None:
    """The client that asks. Raises `LogoutRefused` where the request and its ID token name different ones."""
    client_id = parameters.get("client_id")
    if hint is None:
        return client_id
    if client_id is not None and client_id != hint.client_id:
        raise LogoutRefused("client_id is not the client that the id_token_hint was issued to.")
    return hint.client_id


def read_logout_request(
    parameters: Parameters, client: LogoutClient | None, hint: VerifiedHint | None
) -> LogoutRequest:
    """Raises `LogoutRefused` where the person would be sent to an address that isn't registered for the client."""
    uri = parameters.get("post_logout_redirect_uri")
    if uri is not None:
        if client is None:
            raise LogoutRefused(
                "post_logout_redirect_uri needs an id_token_hint or a client_id of a registered client."
            )
        if uri not in client.post_logout_redirect_uris:  # exact, as section 3 says
            raise LogoutRefused("The post_logout_redirect_uri is not registered for this client.")
    return LogoutRequest(
        client_id=client.client_id if client else None,
        redirect_uri=uri,
        state=parameters.get("state") if uri else None,
        hint=hint,
    )
