"""Clients. Whoever changes one could act as it, or catch what people give it: it takes holding all that it can get."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import Change, changing
from functions.admin_api.fields import Audience, Body, ClientName, ScopeName, Title, Uri
from functions.admin_api.idempotency import create_once
from functions.admin_api.paging import After, Limit, Page, read_cursor, read_id_cursor, write_cursor
from functions.admin_api.preconditions import IfMatch, require_match, show_etag
from functions.admin_api.problems import invalid_field, not_found
from functions.admin_api.services import OpenSession
from shared.database.models import Client, ClientSecret, ResourceServer, Role, RoleBinding, Scope
from shared.identity.changing_clients import updating_client
from shared.identity.client_metadata import require_consistent
from shared.identity.held import HeldPermission, carried_by_scopes, held_by_client
from shared.identity.registration import NewClient, RegistrationError, creating_client
from shared.identity.scopes import STANDARD_SCOPES

if TYPE_CHECKING:
    from collections.abc import Collection

router = APIRouter(prefix="/clients", tags=["clients"])
_READ = Depends(require("clients:read"))
Writer = Annotated[Caller, Depends(require("clients:write"))]
ClientId = Annotated[ClientName, Path()]
Status = Literal["active", "disabled"]
Grant = Literal["authorization_code", "refresh_token", "client_credentials"]
Uris = Annotated[tuple[Uri, ...], Field(max_length=50)]
Grants = Annotated[tuple[Grant, ...], Field(max_length=3)]
Scopes = Annotated[tuple[ScopeName, ...], Field(max_length=200)]
AccessTtl = Annotated[int, Field(ge=60, le=3_600)]
RefreshTtl = Annotated[int, Field(ge=60, le=31_536_000)]
Algorithm = Literal["ES256", "RS256"]


class NewClientBody(Body):
    """RFC 7591's names. A confidential client gets its secret by a request of its own."""

    client_id: ClientName
    name: Title
    client_type: Literal["confidential", "public"] = "confidential"
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] = "client_secret_basic"  # noqa: S105 - a method's name
    redirect_uris: Uris = ()
    post_logout_redirect_uris: Uris = ()
    allowed_origins: Uris = ()
    grant_types: Grants = ()
    allowed_scopes: Scopes = ()
    require_consent: bool = True
    pkce_exempt: bool = False
    id_token_signed_response_alg: Algorithm = "ES256"  # noqa: S105 - an algorithm
    access_token_ttl_seconds: AccessTtl = 300
    refresh_token_ttl_seconds: RefreshTtl = 1_209_600
    refresh_family_ttl_seconds: RefreshTtl = 7_776_000
    resource_server_audience: Audience | None = None


class ClientChange(Body):
    """What is left out stays. Its type and its way to authenticate stay too: another client is another registration."""

    name: Annotated[Title, Field(default=None)]
    redirect_uris: Annotated[Uris, Field(default=None)]
    post_logout_redirect_uris: Annotated[Uris, Field(default=None)]
    allowed_origins: Annotated[Uris, Field(default=None)]
    grant_types: Annotated[Grants, Field(default=None)]
    allowed_scopes: Annotated[Scopes, Field(default=None)]
    require_consent: Annotated[bool, Field(default=None)]
    id_token_signed_response_alg: Annotated[Algorithm, Field(default=None)]
    access_token_ttl_seconds: Annotated[AccessTtl, Field(default=None)]
    refresh_token_ttl_seconds: Annotated[RefreshTtl, Field(default=None)]
    refresh_family_ttl_seconds: Annotated[RefreshTtl, Field(default=None)]
    status: Annotated[Status, Field(default=None)]


class ClientView(BaseModel):
    client_id: str
    name: str
    client_type: str
    token_endpoint_auth_method: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    allowed_origins: list[str]
    grant_types: list[str]
    allowed_scopes: list[str]
    require_consent: bool
    pkce_exempt: bool
    id_token_signed_response_alg: str
    access_token_ttl_seconds: int
    refresh_token_ttl_seconds: int
    refresh_family_ttl_seconds: int
    status: Status
    created_at: datetime
    updated_at: datetime
    version: int


class SecretView(BaseModel):
    """A secret's row; the secret itself was shown once."""

    id: UUID
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class ClientDetail(ClientView):
    resource_server_audience: str | None
    roles: list[str]
    secrets: list[SecretView]


@router.get("", dependencies=[_READ])
def list_clients(
    session: OpenSession,
    limit: Limit = 50,
    after: After = None,
    status: Annotated[Status | None, Query(description="only those")] = None,
) -> Page[ClientView]:
    """Clients in the order of their making."""
    query = select(Client).order_by(Client.id).limit(limit + 1)
    if after is not None:
        query = query.where(Client.id > read_id_cursor(read_cursor(after)))
    if status is not None:
        query = query.where(Client.status == status)
    rows = list(session.scalars(query))
    next_cursor = write_cursor(str(rows[limit - 1].id)) if len(rows) > limit else None
    return Page(items=[ClientView(**_fields(row)) for row in rows[:limit]], next_cursor=next_cursor)


@router.get("/{client_id}", dependencies=[_READ])
def get_client(session: OpenSession, client_id: ClientId, response: Response) -> ClientDetail:
    """One client; its version is the ETag."""
    return show_client(session, client_id, response)


@router.post("", status_code=201)
def create_client(request: Request, response: Response, body: NewClientBody, caller: Writer) -> ClientDetail:
    """Register a client. It takes holding all that its scopes carry."""
    new = NewClient(**body.model_dump())
    try:
        require_consistent(new)
    except RegistrationError as error:
        raise invalid_field(error.field, str(error)) from error
    with changing(request, caller) as change:

        def create() -> str:
            _require_scopes(change, body.allowed_scopes)
            if body.resource_server_audience is not None:
                change.require_held(frozenset({(change.services.audience, "apis:write")}), "resource_server_audience")
            change.run(creating_client(change.recording, new))
            return body.client_id

        made, _ = create_once(change, request, response, body, create)
        response.headers["location"] = f"/clients/{made}"
        return show_client(change.session, made, response)


@router.patch("/{client_id}")
def update_client(
    request: Request,
    response: Response,
    client_id: ClientId,
    body: ClientChange,
    caller: Writer,
    if_match: IfMatch = None,
) -> ClientDetail:
    """Change a registration. If-Match is needed. Disabling acts at the platform's endpoints within a second."""
    asked: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    with changing(request, caller) as change:
        row = lock_client(change, client_id)
        require_match(if_match, row.version)
        if asked.keys() - {"status"} or asked.get("status") == "active":
            change.require_held(control_of(change, row), "client_id")
        if "allowed_scopes" in asked:
            _require_scopes(change, body.allowed_scopes)
        _require_still_consistent(row, asked)
        change.run(updating_client(change.recording, client_id, asked))
        return show_client(change.session, client_id, response)


def lock_client(change: Change, client_id: str) -> Client:
    """Raises ProblemError: 404."""
    row = change.session.scalar(select(Client).where(Client.client_id == client_id).with_for_update())
    if row is None:
        raise not_found("client")
    return row


def control_of(change: Change, client: Client) -> frozenset[HeldPermission]:
    """What whoever controls the client could get: by its own roles, and of people who let it act for them."""
    return change.run(held_by_client(client.client_id)) | change.run(carried_by_scopes(client.allowed_scopes))


def show_client(session: Session, client_id: str, response: Response) -> ClientDetail:
    """As it is now, with the ETag in `response`. Raises ProblemError: 404."""
    row = session.scalar(select(Client).where(Client.client_id == client_id).execution_options(populate_existing=True))
    if row is None:
        raise not_found("client")
    roles = select(Role.name).join(RoleBinding, RoleBinding.role_id == Role.id).where(RoleBinding.client_id == row.id)
    secrets = select(ClientSecret).where(ClientSecret.client_id == row.id).order_by(ClientSecret.id)
    audience = None if row.resource_server_id is None else session.get_one(ResourceServer, row.resource_server_id)
    show_etag(response, row.version)
    return ClientDetail(
        **_fields(row),
        resource_server_audience=None if audience is None else audience.audience,
        roles=sorted(session.scalars(roles)),
        secrets=[
            SecretView(id=each.id, created_at=each.created_at, expires_at=each.expires_at, revoked_at=each.revoked_at)
            for each in session.scalars(secrets.execution_options(populate_existing=True))
        ],
    )


def _require_scopes(change: Change, names: Collection[str]) -> None:
    known = set(change.session.scalars(select(Scope.name).where(Scope.name.in_(list(names))))) | STANDARD_SCOPES
    if unknown := set(names) - known:
        raise invalid_field("allowed_scopes", f"there is no scope {min(unknown)}")
    change.require_held(change.run(carried_by_scopes(names)), "allowed_scopes")


def _require_still_consistent(row: Client, asked: dict[str, Any]) -> None:
    after = {name: asked.get(name, getattr(row, name)) for name in NewClientBody.model_fields if hasattr(row, name)}
    tuples: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in after.items()}
    try:
        require_consistent(NewClient(**tuples))
    except RegistrationError as error:
        raise invalid_field(error.field, str(error)) from error


def _fields(row: Client) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ClientView.model_fields}
