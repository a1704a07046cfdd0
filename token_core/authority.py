"""Who may do what, from memory, at most one second old (BRIEF decision 2).

Entries are loaded when first asked for and dropped when the feed of changes names them. When the feed can't be read
because Postgres is down, what is in memory serves on for `stale_seconds`, so that machine clients go on getting
tokens (P5).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from shared.clock import Clock, monotonic_seconds, utc_now
from token_core.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    import uuid
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from datetime import datetime

FRESH_SECONDS = 1.0
_LOAD_SECONDS = 2.0  # for a fresh look, by those who have an older one
_MAX_CLIENTS, _MAX_ABSENT, _MAX_USERS = 20_000, 2_000, 20_000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Held:
    """What a subject holds: its roles' names, and the permissions that they add up to."""

    roles: tuple[str, ...] = ()
    permission_ids: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Secret:
    hash: bytes
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """An active client (a disabled one is as unknown)."""

    id: uuid.UUID
    client_id: str
    name: str
    client_type: str
    auth_method: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    allowed_origins: frozenset[str]
    grant_types: frozenset[str]
    allowed_scopes: tuple[str, ...]
    require_consent: bool
    pkce_exempt: bool
    id_token_algorithm: str
    access_token_ttl_seconds: int
    refresh_token_ttl_seconds: int
    refresh_family_ttl_seconds: int
    audience: str | None  # set: this client is that API, and may introspect its tokens
    secrets: tuple[Secret, ...]
    held: Held

    @property
    def is_public(self) -> bool:
        return self.client_type == "public"

    def live_secret_hashes(self, now: datetime) -> tuple[bytes, ...]:
        return tuple([s.hash for s in self.secrets if s.expires_at is None or s.expires_at > now])


@dataclass(frozen=True, slots=True)
class ScopeRecord:
    """An API's scope, and the permissions that it carries."""

    name: str
    description: str
    audience: str
    permission_ids: frozenset[uuid.UUID]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that is small and the same for everyone."""

    scopes: Mapping[str, ScopeRecord]
    permissions_of_scope: Mapping[str, frozenset[uuid.UUID]]
    permission_names: Mapping[uuid.UUID, str]
    origins: frozenset[str]  # of all active browser clients
    derived: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)
    """What others work out from it and remember: gone with it, so as fresh as it."""


class AuthorityStore(Protocol):
    """Where entries come from. Raises `TemporarilyUnavailable` when it can't be asked."""

    async def load_client(self, client_id: str) -> ClientRecord | None: ...

    async def load_user(self, user_id: uuid.UUID) -> Held | None: ...

    async def load_catalog(self) -> Catalog: ...


class _Shelf(Generic[Value]):
    """A bounded map, the least recently used out first."""

    def __init__(self, size: int) -> None:
        self._size, self._entries = size, dict[str, Value]()

    def get(self, key: str) -> Value | None:
        value = self._entries.pop(key, None)
        if value is not None:
            self._entries[key] = value
        return value

    def put(self, key: str, value: Value) -> None:
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._size:
            del self._entries[next(iter(self._entries))]

    def drop(self, key: str) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()


@dataclass(frozen=True, slots=True)
class _Found(Generic[Value]):
    """Tells "known to be absent" from "not known"."""

    value: Value


class Authority:
    """The cache. `apply` and `note_*` are called by the feed (storage/postgres_authority.py)."""

    def __init__(self, store: AuthorityStore, *, stale_seconds: float, clock: Clock = utc_now) -> None:
        self._store, self._stale_seconds, self.clock = store, stale_seconds, clock
        self._clients = _Shelf[_Found[ClientRecord | None]](_MAX_CLIENTS)
        self._absent = _Shelf[_Found[ClientRecord | None]](_MAX_ABSENT)  # junk ids can't push real clients out
        self._users = _Shelf[_Found[Held | None]](_MAX_USERS)
        self._catalog = _Shelf[_Found[Catalog]](1)
        self._names: dict[str, str] = {}  # a client's row id -> its client_id
        self._loading: dict[tuple[str, str], asyncio.Task[object]] = {}
        self._turn = 0  # grows with every change, so that a load that began before it is not kept
        self._polled_at = monotonic_seconds() - 10 * FRESH_SECONDS
        self._is_feed_down = False

    async def client(self, client_id: str) -> ClientRecord | None:
        """The active client of this public id."""
        known = self._clients.get(client_id) or self._absent.get(client_id)
        if known is not None and self._is_fresh():
            return known.value

        async def load() -> ClientRecord | None:
            return await self._store.load_client(client_id)

        def keep(found: _Found[ClientRecord | None]) -> None:
            if found.value is None:
                self._absent.put(client_id, found)
            else:
                self._names[str(found.value.id)] = client_id
                self._clients.put(client_id, found)

        return await self._current("client", client_id, known, load, keep)

    async def user(self, user_id: uuid.UUID) -> Held | None:
        """What an active user holds; None for one who is disabled, erased or unknown."""
        key = str(user_id)
        known = self._users.get(key)
        if known is not None and self._is_fresh():
            return known.value
        return await self._current(
            "user",
            key,
            known,
            lambda: self._store.load_user(user_id),
            lambda found: self._users.put(key, found),
        )

    async def catalog(self) -> Catalog:
        known = self._catalog.get("")
        if known is not None and self._is_fresh():
            return known.value
        return await self._current(
            "catalog", "", known, self._store.load_catalog, lambda found: self._catalog.put("", found)
        )

    async def origins(self) -> frozenset[str]:
        """Every origin that some active client registered."""
        return (await self.catalog()).origins

    def apply(self, changes: Iterable[tuple[str, str]]) -> None:
        """Drop what these (kind, entity id) changes may have touched."""
        for kind, entity_id in changes:
            self._turn += 1
            if kind == "user":
                self._users.drop(entity_id)
            elif kind == "client":
                self._clients.drop(self._names.pop(entity_id, entity_id))
                self._absent.clear()
                self._catalog.clear()  # it has the origins
            elif kind != "key":
                self.clear()

    def clear(self) -> None:
        """Forget all of it."""
        self._turn += 1
        for shelf in (self._clients, self._absent, self._users, self._catalog):
            shelf.clear()
        self._names.clear()

    def note_polled(self) -> None:
        """The feed was read to its end just now."""
        self._polled_at, self._is_feed_down = monotonic_seconds(), False

    def note_feed_down(self) -> None:
        """The feed can't be read because Postgres can't be reached."""
        self._is_feed_down = True

    @property
    def age_seconds(self) -> float:
        """How old the oldest entry may be."""
        return monotonic_seconds() - self._polled_at

    def _is_fresh(self) -> bool:
        return monotonic_seconds() - self._polled_at <= FRESH_SECONDS

    async def _current(
        self,
        kind: str,
        key: str,
        known: _Found[Value] | None,
        load: Callable[[], Awaitable[Value]],
        keep: Callable[[_Found[Value]], None],
    ) -> Value:
        age = self.age_seconds
        if known is not None and (age <= FRESH_SECONDS or (self._is_feed_down and age <= self._stale_seconds)):
            return known.value
        if self._is_feed_down and age > self._stale_seconds:
            raise TemporarilyUnavailable(detail="authority_stale")
        task = self._loading.get((kind, key))
        if task is None:
            task = asyncio.create_task(self._load(load, keep))
            self._loading[kind, key] = task
            task.add_done_callback(lambda done: self._note_loaded(kind, key, done))
        if known is None or age > self._stale_seconds:
            return cast("Value", await asyncio.shield(task))
        try:
            async with asyncio.timeout(_LOAD_SECONDS):
                return cast("Value", await asyncio.shield(task))
        except (TimeoutError, TemporarilyUnavailable):  # Postgres hangs; the feed will say so in a moment
            return known.value

    def _note_loaded(self, kind: str, key: str, task: asyncio.Task[object]) -> None:
        self._loading.pop((kind, key), None)
        if not task.cancelled():
            task.exception()  # whoever waited for it has heard of it, or went on without it

    async def _load(self, load: Callable[[], Awaitable[Value]], keep: Callable[[_Found[Value]], None]) -> Value:
        turn = self._turn
        value = await load()
        if turn == self._turn:
            keep(_Found(value))
        return value
