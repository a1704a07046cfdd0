"""What the routes need, made once by `create_admin_app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import Request

from resource_server import Guard, JwksCache
from shared.clock import Clock, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Engine

    from functions.admin_api.control_queue import ControlQueue
    from functions.admin_api.watermark import Stream
    from shared.database.authority import Change
    from shared.kms import DataKeys
    from shared.subject_keys import SubjectKeys


def tell_nobody(_: Iterable[Change]) -> None:
    """No hint: token cores find the change by polling, within their second."""


def no_audit_store() -> Any:
    """No ClickHouse is configured."""
    return None


@dataclass(frozen=True)
class Services:
    """The collaborators of the routes.

    Args:
        audience: this API's own name: permissions at it are narrowed by what the caller's token carries.
        pseudonym_key: what hashes of external ids and of requests are keyed with.
        hint: tells token cores of changes, after commit, best effort.
        stream: Redis, as the watermark of the audit search asks it; none: it can't be asked.
        clickhouse: a client on the audit database, made when first needed; raises where it can't be reached.
    """

    engine: Engine
    keys: JwksCache
    guard: Guard
    control_queue: ControlQueue
    audience: str
    data_keys: DataKeys
    subject_keys: SubjectKeys
    pseudonym_key: bytes
    outbox_shards: int = 1
    hint: Callable[[Iterable[Change]], None] = tell_nobody
    clickhouse: Callable[[], Any] = no_audit_store
    stream: Stream | None = None
    now: Clock = utc_now


def services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


def session(request: Request) -> Iterator[Session]:
    """A session whose reads end with the request."""
    with Session(services(request).engine) as opened:
        yield opened


OpenSession = Annotated[Session, Depends(session)]
