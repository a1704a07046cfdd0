"""What the routes need, made once by `create_admin_app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import Request

from resource_server import AccessToken, Guard, JwksCache

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from sqlalchemy import Engine

    from functions.admin_api.control_queue import ControlQueue


@dataclass(frozen=True)
class Services:
    engine: Engine
    keys: JwksCache
    guard: Guard
    control_queue: ControlQueue


def services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


def session(request: Request) -> Iterator[Session]:
    """A session whose reads end with the request."""
    with Session(services(request).engine) as opened:
        yield opened


def require(permission: str) -> Callable[[Request], Awaitable[AccessToken]]:
    """A dependency: the caller's token, if it carries `permission`."""

    async def required(request: Request) -> AccessToken:
        return await services(request).guard.require(permission=permission)(request)

    return required


OpenSession = Annotated[Session, Depends(session)]
