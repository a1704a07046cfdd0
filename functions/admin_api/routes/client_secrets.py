"""Clients' secrets: issued, rotated with an overlap, revoked. A secret is shown once, to whoever asked for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from starlette.requests import Request

from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import Change, changing
from functions.admin_api.fields import Body, ClientName
from functions.admin_api.idempotency import create_once
from functions.admin_api.problems import invalid_field, not_found
from functions.admin_api.routes.clients import control_of, lock_client
from shared.database.models import ClientSecret
from shared.identity.changing_clients import limiting_client_secrets
from shared.identity.registration import issuing_client_secret, revoking_client_secret

router = APIRouter(prefix="/clients/{client_id}/secrets", tags=["clients"])
Keeper = Annotated[Caller, Depends(require("clients:secrets"))]
ClientId = Annotated[ClientName, Path()]


class NewSecret(Body):
    expires_at: AwareDatetime | None = None


class Rotation(Body):
    """`overlap_seconds`: how long the secrets before it are good still; 0 ends them now."""

    overlap_seconds: Annotated[int, Field(ge=0, le=2_592_000)] = 86_400
    expires_at: AwareDatetime | None = None


class IssuedView(BaseModel):
    """`secret` is null where the request was a repetition: it was shown then, or is lost; issue another one."""

    id: UUID
    secret: str | None
    expires_at: datetime | None


@router.post("", status_code=201)
def issue_secret(
    request: Request, response: Response, client_id: ClientId, body: NewSecret, caller: Keeper
) -> IssuedView:
    """A secret beside the one in use; at most two are live. It takes holding all that the client can get."""
    with changing(request, caller) as change:
        return _issue(change, request, response, client_id, body)


@router.post("/rotate", status_code=201)
def rotate_secret(
    request: Request, response: Response, client_id: ClientId, body: Rotation, caller: Keeper
) -> IssuedView:
    """A new secret; those before it are good for the overlap and no longer."""
    with changing(request, caller) as change:
        return _issue(change, request, response, client_id, body)


@router.delete("/{secret_id}", status_code=204)
def revoke_secret(request: Request, client_id: ClientId, secret_id: UUID, caller: Keeper) -> None:
    """At once. One that is revoked is revoked already."""
    with changing(request, caller) as change:
        client = lock_client(change, client_id)
        row = change.session.get(ClientSecret, secret_id)
        if row is None or row.client_id != client.id:
            raise not_found("secret")
        if row.revoked_at is None:
            change.run(revoking_client_secret(change.recording, client_id, secret_id))


def _issue(
    change: Change, request: Request, response: Response, client_id: str, body: NewSecret | Rotation
) -> IssuedView:
    client = lock_client(change, client_id)
    change.require_held(control_of(change, client), "client_id")
    if body.expires_at is not None and body.expires_at <= change.recording.now:
        raise invalid_field("expires_at", "in the past")
    shown: list[str] = []

    def create() -> str:
        issued = change.run(issuing_client_secret(change.recording, client_id, body.expires_at))
        shown.append(issued.secret)
        if isinstance(body, Rotation):
            until = change.recording.now + timedelta(seconds=body.overlap_seconds)
            change.run(limiting_client_secrets(client_id, issued.id, until))
        return str(issued.id)

    made, _ = create_once(change, request, response, body, create)
    row = change.session.scalar(select(ClientSecret).where(ClientSecret.id == UUID(made)))
    if row is None:
        raise not_found("secret")
    response.headers["cache-control"] = "no-store"
    response.headers["location"] = f"/clients/{client_id}"
    return IssuedView(id=row.id, secret=shown[0] if shown else None, expires_at=row.expires_at)
