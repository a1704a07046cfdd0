"""ETag and If-Match (RFC 9110 sections 8.8.3 and 13.1.1): two administrators never overwrite each other unknowingly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Header

from functions.admin_api.problems import ProblemError

if TYPE_CHECKING:
    from starlette.responses import Response

IfMatch = Annotated[
    str | None, Header(alias="if-match", max_length=200, description="the ETag that the change was made from")
]


def etag(version: int | str) -> str:
    return f'"{version}"'


def show_etag(response: Response, version: int | str) -> None:
    response.headers["etag"] = etag(version)
    response.headers["cache-control"] = "no-store"


def require_match(given: str | None, version: int | str) -> None:
    """Let only changes through that were made from what is there now. `*` is not taken: it is what overwrites.

    Raises:
        ProblemError: 428 without If-Match, 412 where it names another version.
    """
    if given is None:
        raise ProblemError(
            428, "precondition_required", "send If-Match with the ETag that you read",
            [{"field": "If-Match", "problem": "missing"}],
        )  # fmt: skip
    if etag(version) not in [each.strip() for each in given.split(",")]:
        raise ProblemError(
            412, "precondition_failed", "somebody changed it since you read it: read it again",
            [{"field": "If-Match", "problem": "not the ETag that it has now"}],
        )  # fmt: skip
