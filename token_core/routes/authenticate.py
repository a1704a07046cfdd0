"""RFC 6749 2.3: the client of a request to the token, introspection or revocation endpoint, proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_core.errors import InvalidClient
from token_core.protocol import cors
from token_core.protocol.client_auth import NONE, is_secret_right, read_client
from token_core.protocol.form import parse_form, require_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_core.authority import ClientRecord
    from token_core.hot import HotRequest
    from token_core.services import Services


class UnknownClient(InvalidClient):
    """Nobody has this client id; `client_id` is what was sent, and often a secret in the wrong field."""

    def __init__(self, client_id: str) -> None:
        super().__init__(detail="unknown_client")
        self.client_id = client_id


class WrongSecret(InvalidClient):
    """A known client failed to prove itself."""

    def __init__(self, client_id: str, detail: str) -> None:
        super().__init__(detail=detail)
        self.client_id = client_id


async def read_parameters(request: HotRequest) -> dict[str, str]:
    """The form, read strictly (protocol/form.py)."""
    require_form(request.header(b"content-type"))
    return parse_form(await request.body())


async def authenticate_client(request: HotRequest, parameters: Mapping[str, str], services: Services) -> ClientRecord:
    """The client, by its one registered method. Browser clients may read the answer from their own origins only.

    Raises:
        InvalidClient: any reason; all of them cost the same work.
    """
    presented = read_client(request.header(b"authorization"), parameters)
    client = await services.authority.client(presented.client_id)
    hashes = None if client is None else client.live_secret_hashes(services.authority.clock())
    is_right = is_secret_right(presented.secret, hashes)
    if client is None:
        raise UnknownClient(presented.client_id)
    if presented.method != client.auth_method:
        raise WrongSecret(client.client_id, "auth_method_not_registered")
    if presented.method != NONE and not is_right:
        raise WrongSecret(client.client_id, "wrong_secret")
    origin = request.header(b"origin")
    if origin is not None:
        request.response_headers = cors.response_headers(origin, client.allowed_origins)
    return client
