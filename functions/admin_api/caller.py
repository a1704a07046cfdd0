"""Who asks: a token with the permission, that stands, of somebody who still holds it. Revocation acts here at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session
from starlette.requests import Request

from functions.admin_api.services import Services, services
from resource_server.challenge import insufficient_permission, invalid_token
from shared.database.steps import Statement, run
from shared.identity.held import held_by_subject
from shared.identity.standing import STANDS
from shared.identity.subjects import is_client_subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resource_server import AccessToken
    from shared.database.steps import Steps
    from shared.identity.held import HeldPermission


@dataclass(frozen=True)
class Caller:
    """`held`: what they may hand on: what they hold now, of this API's permissions only what their token carries."""

    token: AccessToken
    held: frozenset[HeldPermission]

    @property
    def subject(self) -> str:
        return self.token.subject


def require(permission: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, if their token carries `permission`, stands, and they hold it still."""

    async def required(request: Request) -> Caller:
        ours = services(request)
        token = await ours.guard.require(permission=permission)(request)
        return await run_in_threadpool(_look, ours, token, permission)

    return required


def _look(ours: Services, token: AccessToken, permission: str) -> Caller:
    with Session(ours.engine) as session:
        stands, held = run(session, _standing(token))
    if not stands:
        raise invalid_token(ours.guard.realm)
    if (ours.audience, permission) not in held:
        raise insufficient_permission(ours.guard.realm, permission)
    usable = frozenset(
        (audience, name) for audience, name in held if audience != ours.audience or name in token.permissions
    )
    return Caller(token, usable)


def _standing(token: AccessToken) -> Steps[tuple[bool, frozenset[HeldPermission]]]:
    try:
        parameters = {
            "jti": UUID(token.jti),
            "client_id": token.client_id,
            "user_id": None if is_client_subject(token.subject) else UUID(token.subject),
            "session_id": None if token.session_id is None else UUID(token.session_id),
            "grant_id": UUID(token.claims["grant_id"]) if "grant_id" in token.claims else None,
        }
    except (ValueError, TypeError, AttributeError):  # no token of this platform says such things
        return False, frozenset()
    rows = yield Statement(STANDS, parameters)
    held = yield from held_by_subject(token.subject)
    return bool(rows[0][0]), held
