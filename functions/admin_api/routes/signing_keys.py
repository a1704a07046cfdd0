"""The keys that sign tokens: announced, then active, then retired; withdrawn at once where one is compromised (P7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy import select
from starlette.requests import Request

from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import Change, changing
from functions.admin_api.fields import Body
from functions.admin_api.idempotency import create_once
from functions.admin_api.preconditions import IfMatch, require_match, show_etag
from functions.admin_api.problems import ProblemError, not_found
from functions.admin_api.services import OpenSession
from shared.database.models import SigningKey
from shared.signing_keys import activating_signing_key, creating_signing_key, withdrawing_signing_key

router = APIRouter(prefix="/signing-keys", tags=["keys"])
_READ = Depends(require("keys:read"))
Rotator = Annotated[Caller, Depends(require("keys:rotate"))]
Kid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$"), Path()]
ANNOUNCED = timedelta(minutes=10)  # so that everybody who keeps a JWK set has met the key before it signs
PUBLISHED = timedelta(days=1)  # longer than anything lives that a key signed


class NewKey(Body):
    algorithm: Literal["ES256", "RS256"]


class KeyView(BaseModel):
    kid: str
    algorithm: str
    state: str
    created_at: datetime
    activate_at: datetime | None
    retired_at: datetime | None
    publish_until: datetime | None


class Keys(BaseModel):
    items: list[KeyView]


@router.get("", dependencies=[_READ])
def list_keys(session: OpenSession) -> Keys:
    """Every key that ever was, newest first: there are few."""
    rows = session.scalars(select(SigningKey).order_by(SigningKey.created_at.desc(), SigningKey.kid).limit(500))
    return Keys(items=[_view(row) for row in rows])


@router.get("/{kid}", dependencies=[_READ])
def get_key(session: OpenSession, kid: Kid, response: Response) -> KeyView:
    """One key; its state is the ETag."""
    row = session.get(SigningKey, kid)
    if row is None:
        raise not_found("signing key")
    show_etag(response, row.state)
    return _view(row)


@router.post("", status_code=201)
def announce_key(request: Request, response: Response, body: NewKey, caller: Rotator) -> KeyView:
    """A new key pair, published from now on, which doesn't sign yet."""
    with changing(request, caller) as change:
        made, _ = create_once(
            change,
            request,
            response,
            body,
            lambda: change.run(
                creating_signing_key(
                    change.services.data_keys,
                    body.algorithm,
                    "announced",
                    now=change.recording.now,
                    actor=caller.subject,
                    shard_count=change.services.outbox_shards,
                )
            ),
        )
        response.headers["location"] = f"/signing-keys/{made}"
        return _show(change, made, response)


@router.post("/{kid}/activate")
def activate_key(request: Request, response: Response, kid: Kid, caller: Rotator, if_match: IfMatch = None) -> KeyView:
    """Let an announced key sign; the one before it retires, and stays published. If-Match is needed."""
    with changing(request, caller) as change:
        row = _lock(change, kid)
        require_match(if_match, row.state)
        if row.state != "announced":
            raise ProblemError(409, "conflict", f"it is {row.state}, not announced")
        if change.recording.now < row.created_at + ANNOUNCED:
            raise ProblemError(409, "too_early", "announced under ten minutes ago: those who keep keys don't know it")
        change.run(
            activating_signing_key(
                kid,
                now=change.recording.now,
                publish_until=change.recording.now + PUBLISHED,
                actor=caller.subject,
                shard_count=change.services.outbox_shards,
            )
        )
        return _show(change, kid, response)


@router.post("/{kid}/withdraw")
def withdraw_key(request: Request, response: Response, kid: Kid, caller: Rotator, if_match: IfMatch = None) -> KeyView:
    """A compromised key: what it signed is ours no more, and another signs, at once. If-Match is needed."""
    with changing(request, caller) as change:
        row = _lock(change, kid)
        require_match(if_match, row.state)
        change.run(
            withdrawing_signing_key(
                change.services.data_keys,
                kid,
                now=change.recording.now,
                actor=caller.subject,
                shard_count=change.services.outbox_shards,
            )
        )
        return _show(change, kid, response)


def _lock(change: Change, kid: str) -> SigningKey:
    row = change.session.get(SigningKey, kid, with_for_update=True)
    if row is None:
        raise not_found("signing key")
    return row


def _show(change: Change, kid: str, response: Response) -> KeyView:
    row = change.session.get_one(SigningKey, kid, populate_existing=True)
    show_etag(response, row.state)
    return _view(row)


def _view(row: SigningKey) -> KeyView:
    return KeyView(**{name: getattr(row, name) for name in KeyView.model_fields})
