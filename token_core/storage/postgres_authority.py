"""Loads the authority cache, and reads the feed of what changed (shared.database.authority)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import psycopg

from shared.clock import monotonic_seconds
from shared.database.authority import HINT_CHANNEL, first_horizon, poll_changes
from shared.database.steps import run_async
from token_core.authority import Authority, Catalog, ClientRecord, Held, ScopeRecord, Secret
from token_core.metrics import authority_age
from token_core.storage.prompt_connection import PromptConnection

if TYPE_CHECKING:
    import uuid
    from collections.abc import Awaitable, Callable

    from redis.asyncio.cluster import RedisCluster

    from shared.subject_keys import SubjectKeys
    from token_core.storage.database import Connection, Database

_CLIENT = """
SELECT c.id, c.client_id, c.name, c.client_type, c.token_endpoint_auth_method, c.redirect_uris,
       c.post_logout_redirect_uris, c.allowed_origins, c.grant_types, c.allowed_scopes, c.require_consent,
       c.pkce_exempt,
       c.id_token_signed_response_alg, c.access_token_ttl_seconds, c.refresh_token_ttl_seconds,
       c.refresh_family_ttl_seconds, s.audience,
       ARRAY(SELECT k.hash FROM client_secrets k WHERE k.client_id = c.id AND k.revoked_at IS NULL ORDER BY k.id),
       ARRAY(SELECT k.expires_at FROM client_secrets k WHERE k.client_id = c.id AND k.revoked_at IS NULL ORDER BY k.id),
       ARRAY(SELECT r.name FROM role_bindings b JOIN roles r ON r.id = b.role_id
              WHERE b.client_id = c.id ORDER BY r.name),
       ARRAY(SELECT DISTINCT p.permission_id FROM role_bindings b JOIN role_permissions p ON p.role_id = b.role_id
              WHERE b.client_id = c.id)
  FROM clients c LEFT JOIN resource_servers s ON s.id = c.resource_server_id
 WHERE c.client_id = %(client_id)s AND c.status = 'active'
"""
_USER = """
SELECT ARRAY(SELECT r.name FROM role_bindings b JOIN roles r ON r.id = b.role_id
              WHERE b.user_id = u.id ORDER BY r.name),
       ARRAY(SELECT DISTINCT p.permission_id FROM role_bindings b JOIN role_permissions p ON p.role_id = b.role_id
              WHERE b.user_id = u.id)
  FROM users u WHERE u.id = %(user_id)s AND u.status = 'active'
"""
_SCOPES = """
SELECT s.name, s.description, a.audience,
       ARRAY(SELECT p.permission_id FROM scope_permissions p WHERE p.scope_id = s.id)
  FROM scopes s JOIN resource_servers a ON a.id = s.resource_server_id ORDER BY s.name
"""
_PERMISSIONS = "SELECT id, name FROM permissions"
_ORIGINS = "SELECT DISTINCT unnest(allowed_origins) FROM clients WHERE status = 'active' AND allowed_origins <> '{}'"

_log = logging.getLogger("token_core.authority")


class PostgresAuthority:
    """The `AuthorityStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_client(self, client_id: str) -> ClientRecord | None:
        row = await self._database.read_one(_CLIENT, {"client_id": client_id})
        if row is None:
            return None
        return ClientRecord(
            id=row[0], client_id=row[1], name=row[2], client_type=row[3], auth_method=row[4],
            redirect_uris=tuple(row[5]), post_logout_redirect_uris=tuple(row[6]), allowed_origins=frozenset(row[7]),
            grant_types=frozenset(row[8]), allowed_scopes=tuple(row[9]), require_consent=row[10], pkce_exempt=row[11],
            id_token_algorithm=row[12], access_token_ttl_seconds=row[13], refresh_token_ttl_seconds=row[14],
            refresh_family_ttl_seconds=row[15], audience=row[16],
            secrets=tuple(Secret(digest, expires_at) for digest, expires_at in zip(row[17], row[18], strict=True)),
            held=Held(tuple(row[19]), frozenset(row[20])),
        )  # fmt: skip

    async def load_user(self, user_id: uuid.UUID) -> Held | None:
        row = await self._database.read_one(_USER, {"user_id": user_id})
        return None if row is None else Held(tuple(row[0]), frozenset(row[1]))

    async def load_catalog(self) -> Catalog:
        scopes = await self._database.read_all(_SCOPES)
        names = await self._database.read_all(_PERMISSIONS)
        origins = await self._database.read_all(_ORIGINS)
        return Catalog(
            {name: ScopeRecord(name, text, audience, frozenset(ids)) for name, text, audience, ids in scopes},
            {name: frozenset(ids) for name, _, _, ids in scopes},
            {identifier: name for identifier, name in names},  # noqa: C416 - mypy can't see that rows are pairs
            frozenset(origin for (origin,) in origins),
        )


class AuthorityFeed:
    """Polls on a connection of its own; a hint from Redis only makes the next poll come sooner."""

    def __init__(
        self,
        database: Database,
        redis: RedisCluster,
        authority: Authority,
        reload_keys: Callable[[], Awaitable[None]],
        subject_keys: SubjectKeys,
        *,
        poll_seconds: float,
        key_seconds: float = 30.0,
    ) -> None:
        self._database, self._redis, self._authority, self._reload_keys = database, redis, authority, reload_keys
        self._subject_keys = subject_keys
        self._poll_seconds, self._key_seconds = poll_seconds, key_seconds
        self._hinted, self.first_read = asyncio.Event(), asyncio.Event()
        self._keys_at = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._listen())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _poll(self) -> None:
        while True:
            try:
                async with await self._connect() as connection:
                    await self._follow(connection)
            except (psycopg.Error, OSError, TimeoutError) as error:
                self._database.is_down = True
                self._authority.note_feed_down()
                authority_age.set(self._authority.age_seconds)
                _log.warning("authority feed lost", extra={"error": type(error).__name__})
            except Exception:  # noqa: BLE001 - the loop has to live on
                _log.exception("authority feed failed")
            await asyncio.sleep(self._poll_seconds)

    async def _connect(self) -> Connection:
        async with asyncio.timeout(3):
            return await PromptConnection.connect(self._database.url, **self._database.connection_options)

    async def _follow(self, connection: Connection) -> None:
        async with asyncio.timeout(3):
            horizon = await run_async(connection, first_horizon())
        self._authority.clear()  # whatever changed while nobody looked
        self._subject_keys.forget_all()
        self._keys_at = float("-inf")
        while True:
            async with asyncio.timeout(3):
                horizon, changes = await run_async(connection, poll_changes(horizon))
            self._authority.apply((change.kind, change.entity_id) for change in changes)
            for change in changes:
                if change.kind == "user":  # erased, perhaps: nothing more under the destroyed key
                    self._subject_keys.forget(change.entity_id)
            self._authority.note_polled()
            self._database.is_down = False
            authority_age.set(0)
            if monotonic_seconds() - self._keys_at > self._key_seconds or any(c.kind == "key" for c in changes):
                await self._reload_keys()
                self._keys_at = monotonic_seconds()
                self.first_read.set()
            try:
                await asyncio.wait_for(self._hinted.wait(), self._poll_seconds)
            except TimeoutError:
                continue
            self._hinted.clear()

    async def _listen(self) -> None:
        while True:
            try:
                await self._subscribe()
            except Exception as error:  # noqa: BLE001 - hints are best effort
                _log.info("hints lost", extra={"error": type(error).__name__})
            await asyncio.sleep(1.0)

    async def _subscribe(self) -> None:
        pubsub = self._redis.pubsub()
        try:
            await pubsub.subscribe(HINT_CHANNEL)
            async for message in pubsub.listen():
                if message["type"] == "message":
                    self._hinted.set()
        finally:
            await pubsub.aclose()
