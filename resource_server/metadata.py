"""What this API is and whose tokens it takes (RFC 9728): for clients that begin with nothing but its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True)
class ProtectedResource:
    """The metadata.

    Args:
        resource: the API's own address, from configuration: an http or https URL without query or fragment.
        authorization_servers: issuers whose tokens it takes.
        scopes: those that it knows; empty: it doesn't say.

    Raises:
        ValueError: `resource` is no such address.
    """

    resource: str
    authorization_servers: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    name: str | None = None
    documentation: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.resource)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("resource: not an http or https URL without query and fragment")

    @property
    def path(self) -> str:
        """RFC 9728 section 3.1: the well-known part stands between host and path."""
        return WELL_KNOWN + urlsplit(self.resource).path.rstrip("/")

    @property
    def url(self) -> str:
        """Where the metadata is: what challenges name (section 5.1)."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{self.path}"

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "resource": self.resource,
            "authorization_servers": list(self.authorization_servers),
            "bearer_methods_supported": ["header"],
            "scopes_supported": list(self.scopes),
            "resource_name": self.name,
            "resource_documentation": self.documentation,
        }
        return {name: value for name, value in found.items() if value}  # section 2: what is empty is left out

    def route(self) -> Route:
        """To add to a Starlette or FastAPI application: `app.router.routes.append(resource.route())`."""

        async def metadata(_: Request) -> JSONResponse:
            return JSONResponse(
                self.document(), headers={"cache-control": "public, max-age=3600", "access-control-allow-origin": "*"}
            )

        return Route(self.path, metadata, methods=["GET"])
