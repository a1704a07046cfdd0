"""`create_admin_app()`: the only place that constructs what the routes use.

On Lambda `handler.py` wraps it; elsewhere `uvicorn functions.admin_api.app:create_admin_app --factory`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from functions.admin_api import problems
from functions.admin_api.config import Settings
from functions.admin_api.control_queue import ControlQueue
from functions.admin_api.redis_link import RedisLink
from functions.admin_api.request_id import RequestIds
from functions.admin_api.routes import (
    api_contents,
    audit,
    bindings,
    client_secrets,
    clients,
    commands,
    health,
    parked_commands,
    resource_servers,
    roles,
    sender_policies,
    sessions,
    sign_out,
    signing_keys,
    user_changes,
    users,
)
from functions.admin_api.services import Services, tell_nobody
from resource_server import AccessTokenVerifier, Guard, JwksCache
from shared.config import load_settings
from shared.database.engine import create_engine
from shared.kms import DataKeys
from shared.logging import configure_logging
from shared.subject_keys import SubjectKeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

REALM = "admin"
ROUTES = (
    health,
    users,
    user_changes,
    bindings,
    sessions,
    sign_out,
    roles,
    resource_servers,
    api_contents,
    clients,
    client_secrets,
    signing_keys,
    commands,
    parked_commands,
    sender_policies,
    audit,
)


def create_admin_app(settings: Settings | None = None, services: Services | None = None) -> FastAPI:
    """The API.

    Args:
        settings: read from the environment where they are left out.
        services: tests bring their own.
    """
    if settings is None:
        settings = load_settings(Settings)
        configure_logging("admin_api", settings.log_level)
    services = services or _services(settings)
    app = FastAPI(
        title="Administration",
        version="1",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # it would redirect to whatever Host the request names
        middleware=[Middleware(RequestIds)],
        lifespan=_lifespan(services),
    )
    app.state.services = services
    problems.install(app)
    for routes in ROUTES:
        app.include_router(routes.router)
    return app


def _services(settings: Settings) -> Services:
    keys = JwksCache(settings.jwks_url or f"{settings.issuer}/oauth2/jwks")
    verifier = AccessTokenVerifier(settings.issuer, settings.admin_api_audience, keys)
    data_keys = DataKeys(settings.kms_data_key_id)
    link = None if settings.redis_url is None else RedisLink(settings.redis_url.get_secret_value())
    return Services(
        engine=create_engine(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size),
        keys=keys,
        guard=Guard(verifier, REALM),
        control_queue=ControlQueue(settings.provisioning_queue_url),
        audience=settings.admin_api_audience,
        data_keys=data_keys,
        subject_keys=SubjectKeys(data_keys),
        pseudonym_key=settings.pseudonym_key.get_secret_value(),
        outbox_shards=settings.outbox_shards,
        hint=tell_nobody if link is None else link.hint,
        stream=link,
        clickhouse=_clickhouse(settings),
    )


def _clickhouse(settings: Settings) -> Callable[[], Any]:
    """A function that gives the one client, made at the first search."""
    clients: list[Any] = []

    def connect_once() -> Any:
        if not clients:
            from shared.clickhouse.client import connect  # noqa: PLC0415 - a third of a second of a cold start

            clients.append(connect(settings))
        return clients[0]

    return connect_once


def _lifespan(services: Services) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        services.engine.dispose()

    return lifespan
