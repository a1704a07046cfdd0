"""Signing everybody out, of a person, a client or the platform, by not-before: what was issued earlier counts no more.

At the platform's own endpoints at once; those who verify tokens themselves know of it when the tokens expire.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel
from starlette.requests import Request

from functions.admin_api.caller import Caller, require
from functions.admin_api.changes import changing
from functions.admin_api.fields import Body, ClientName
from functions.admin_api.problems import invalid_field, not_found
from functions.admin_api.routes.clients import lock_client
from shared.database.models import User
from shared.identity.signing_out import signing_client_out, signing_everybody_out, signing_user_out

router = APIRouter(tags=["sessions"])
Ender = Annotated[Caller, Depends(require("sessions:end"))]
CONFIRMATION = "sign everybody out"


class Ended(BaseModel):
    sessions: int
    refresh_families: int


class Confirmation(Body):
    """`confirm`: the words `sign everybody out`, so that no slip of a script does it."""

    confirm: str


class NotBefore(BaseModel):
    not_before: datetime


@router.post("/users/{user_id}/sign-out")
def sign_user_out(request: Request, user_id: UUID, caller: Ender) -> Ended:
    """Everything that this person was issued until now."""
    with changing(request, caller) as change:
        user = change.session.get(User, user_id)
        if user is None or user.status == "erased":
            raise not_found("user")
        ended = change.run(signing_user_out(change.recording, user_id))
    return Ended(sessions=len(ended.session_ids), refresh_families=len(ended.family_ids))


@router.post("/clients/{client_id}/sign-out")
def sign_client_out(request: Request, client_id: Annotated[ClientName, Path()], caller: Ender) -> Ended:
    """Everything that this client was issued until now, for itself and for people."""
    with changing(request, caller) as change:
        lock_client(change, client_id)
        ended = change.run(signing_client_out(change.recording, client_id))
    return Ended(sessions=0, refresh_families=len(ended.family_ids))


@router.post("/platform/sign-out")
def sign_everybody_out(
    request: Request, body: Confirmation, caller: Annotated[Caller, Depends(require("platform:sign-out"))]
) -> NotBefore:
    """Everything that anybody was issued until now, the caller's own token too."""
    if body.confirm != CONFIRMATION:
        raise invalid_field("confirm", f"has to be: {CONFIRMATION}")
    with changing(request, caller) as change:
        not_before = change.run(signing_everybody_out(change.recording))
    return NotBefore(not_before=not_before)
