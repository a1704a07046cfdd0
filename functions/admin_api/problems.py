"""Errors as problem+json (RFC 9457). They name the field at fault; no exception's text gets out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from resource_server import ChallengeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class ProblemError(Exception):
    """An answer to render.

    Args:
        code: machine-readable, the end of the problem's `type`.
        detail: a sentence for the caller's developer.
        errors: which fields, and what is wrong with each.
    """

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


def not_found(what: str) -> ProblemError:
    return ProblemError(404, "not_found", f"there is no such {what}")


def unavailable() -> ProblemError:
    return ProblemError(503, "temporarily_unavailable", "try again in a moment", headers={"retry-after": "1"})


def invalid_field(name: str, problem: str) -> ProblemError:
    return ProblemError(400, "invalid_request", f"{name}: {problem}", [{"field": name, "problem": problem}])


def render(problem: ProblemError) -> JSONResponse:
    body: dict[str, Any] = {
        "type": f"urn:auth-platform:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = problem.errors
    headers: Mapping[str, str] = {"cache-control": "no-store", **problem.headers}
    return JSONResponse(body, problem.status, headers=headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Have every error of `app` rendered here."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(ChallengeError, _challenge)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(InterfaceError, _database)
    app.add_exception_handler(PoolTimeoutError, _database)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return render(error)


async def _challenge(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ChallengeError)
    code = error.error or "unauthorized"
    return render(ProblemError(error.status, code, error.description, headers=error.headers))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        {
            "field": ".".join(str(step) for step in problem["loc"][1:]) or str(problem["loc"][0]),
            "problem": problem["msg"],
        }
        for problem in error.errors()[:20]
    ]
    named = ", ".join(entry["field"] for entry in errors)
    return render(ProblemError(400, "invalid_request", f"not valid: {named}", errors))


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
    detail = HTTPStatus(error.status_code).phrase.lower()
    return render(ProblemError(error.status_code, code, detail, headers=dict(error.headers or {})))


async def _database(_: Request, error: Exception) -> JSONResponse:
    _log.error("postgres failed a request", extra={"error": type(error).__name__})
    return render(unavailable())


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    _log.error("a request failed", exc_info=error)
    return render(ProblemError(500, "internal_error", "the request could not be answered; its X-Request-ID names it"))
