"""Builds the token core: `uvicorn token_core.app:create_app --factory`. The only place that constructs adapters."""

from __future__ import annotations

import asyncio
import gc
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared.config import load_settings
from shared.kms import DataKeys
from shared.logging import configure_logging
from shared.subject_keys import SubjectKeys
from token_core import access_log, metrics
from token_core.audit import Recorder
from token_core.authority import Authority
from token_core.config import Settings
from token_core.hosted_pages import hosted_routers, open_hosted
from token_core.hot import HotPaths
from token_core.quota import FailureQuota
from token_core.routes.hot_routes import HOT_ROUTES
from token_core.services import Services
from token_core.storage.database import Database
from token_core.storage.postgres_audit import PostgresAudit
from token_core.storage.postgres_authority import AuthorityFeed, PostgresAuthority
from token_core.storage.postgres_codes import PostgresLedger
from token_core.storage.postgres_families import PostgresFamilies
from token_core.storage.postgres_keys import PostgresKeys
from token_core.storage.postgres_standing import PostgresPeople, PostgresStanding
from token_core.storage.redis_audit import StreamLane
from token_core.storage.redis_codes import RedisCodes
from token_core.tokens.keys import KeyRing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FIRST_KEYS_SECONDS = 10.0
_REDIS_SECONDS = 1.0
_COLLECT_EVERY = 20_000  # objects more than were freed


def create_app(settings: Settings | None = None) -> HotPaths:
    """The whole ASGI app. Settings come from the environment unless given; wrong ones end the process with code 2."""
    settings = settings or load_settings(Settings)
    configure_logging("token_core", settings.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(_write_what_waits)
            services = await _open_services(stack, settings)
            app.state.hosted = await stack.enter_async_context(open_hosted(services))
            app.state.services = hot.services = services
            _spare_the_collector()
            yield

    app = FastAPI(  # a redirect to the path without a slash would go to whatever Host the request names
        title="Token core", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    for router in hosted_routers():
        app.include_router(router)
    hot = HotPaths(app, HOT_ROUTES)
    return hot


def _write_what_waits() -> None:
    """Counts and lines of the last requests."""
    metrics.flush()
    access_log.flush()


def _spare_the_collector() -> None:
    """What is here now stays: don't walk it again and again. A token makes no reference cycle, an exception may."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, 20, 20)


async def _open_services(stack: AsyncExitStack, settings: Settings) -> Services:
    """Everything in the order in which it needs each other; closed the other way round, after the last request."""
    database = Database(
        settings.database_url.get_secret_value(),
        size=settings.database_pool_size,
        prepared=settings.database_prepared_statements,
    )
    await database.open()
    stack.push_async_callback(database.close)

    redis = open_redis(settings.redis_url.get_secret_value())
    stack.push_async_callback(redis.aclose)

    keys = KeyRing()
    data_keys = DataKeys(settings.kms_data_key_id)
    loader, subject_keys = PostgresKeys(database, data_keys, keys), SubjectKeys(data_keys)
    authority = Authority(PostgresAuthority(database), stale_seconds=settings.authority_stale_seconds)
    feed = AuthorityFeed(
        database, redis, authority, loader.reload, subject_keys, poll_seconds=settings.authority_poll_seconds
    )
    feed.start()
    stack.push_async_callback(feed.stop)
    await _begin_ready(feed)

    shard = secrets.randbelow(settings.audit_stream_shards)
    lane = StreamLane(settings.redis_url.get_secret_value(), redis, shard)
    quota = FailureQuota(settings.failure_events_per_second, settings.failure_events_burst)
    recorder = Recorder(
        lane, PostgresAudit(database, settings.outbox_shards), quota, deadline_seconds=settings.audit_deadline_seconds
    )
    recorder.start()
    stack.push_async_callback(recorder.stop)

    return Services(
        settings=settings, database=database, redis=redis, authority=authority, keys=keys, recorder=recorder,
        codes=RedisCodes(redis), ledger=PostgresLedger(database, settings.outbox_shards),
        families=PostgresFamilies(database, settings.outbox_shards),
        standing=PostgresStanding(database, settings.outbox_shards), people=PostgresPeople(database),
        subject_keys=subject_keys,
    )  # fmt: skip


def open_redis(url: str) -> RedisCluster:
    """A cluster client that gives up soon: whoever asks has a person or a machine waiting."""
    return RedisCluster.from_url(
        url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS, retry=Retry(NoBackoff(), 1)
    )


async def _begin_ready(feed: AuthorityFeed) -> None:
    """Wait for the signing keys; where Postgres or KMS is down, begin all the same: /health/ready tells."""
    try:
        await asyncio.wait_for(feed.first_read.wait(), FIRST_KEYS_SECONDS)
    except TimeoutError:
        return
