"""The only list of grants: the token endpoint dispatches by it and discovery is derived from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from token_core.grants import authorization_code, client_credentials, refresh_token
from token_core.grants.steps import TokenRequest

if TYPE_CHECKING:
    from token_core.services import Services

Grant = Callable[[TokenRequest, "Services"], Awaitable[bytes]]

GRANTS: dict[str, Grant] = {
    authorization_code.GRANT_TYPE: authorization_code.handle,
    refresh_token.GRANT_TYPE: refresh_token.handle,
    client_credentials.GRANT_TYPE: client_credentials.handle,
}
