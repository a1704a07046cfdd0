"""Is it up, and could it answer?"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from functions.admin_api.services import Services, services

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "up"}


@router.get("/ready", responses={503: {"description": "a dependency is down"}})
async def ready(request: Request) -> JSONResponse:
    """Each dependency's state; 503 where one is down that requests need."""
    ours = services(request)
    states = {"postgres": await run_in_threadpool(_postgres, ours), "issuer_keys": await _keys(ours)}
    is_ready = all(state == "up" for state in states.values())
    body = {"status": "up" if is_ready else "down", "dependencies": states}
    return JSONResponse(body, 200 if is_ready else 503, headers={"cache-control": "no-store"})


def _postgres(ours: Services) -> Literal["up", "down"]:
    try:
        with ours.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "down"
    return "up"


async def _keys(ours: Services) -> Literal["up", "down"]:
    return "up" if await ours.keys.is_available() else "down"
