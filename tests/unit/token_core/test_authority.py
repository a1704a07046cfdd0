from __future__ import annotations

import asyncio
import uuid

import pytest

from token_core.authority import Authority, Catalog, Held
from token_core.errors import TemporarilyUnavailable


class Store:
    """Counts what it is asked; can be slow or down."""

    def __init__(self) -> None:
        self.loads, self.is_down, self.gate = 0, False, asyncio.Event()
        self.gate.set()
        self.roles: tuple[str, ...] = ("old",)

    async def load_client(self, client_id: str) -> None:
        self.loads += 1

    async def load_user(self, user_id: uuid.UUID) -> Held:
        self.loads += 1
        if self.is_down:
            raise TemporarilyUnavailable
        held = Held(self.roles)
        await self.gate.wait()
        return held

    async def load_catalog(self) -> Catalog:
        raise NotImplementedError


USER = uuid.UUID(int=1)


def fresh(stale_seconds: float = 300) -> tuple[Store, Authority]:
    store = Store()
    authority = Authority(store, stale_seconds=stale_seconds)
    authority.note_polled()
    return store, authority


async def test_an_entry_is_loaded_once_until_a_change_names_it() -> None:
    store, authority = fresh()
    for _ in range(3):
        await authority.user(USER)
    assert store.loads == 1
    authority.apply([("user", str(uuid.UUID(int=2)))])
    await authority.user(USER)
    assert store.loads == 1
    authority.apply([("user", str(USER))])
    await authority.user(USER)
    assert store.loads == 2


async def test_a_load_that_began_before_a_change_is_not_kept() -> None:
    store, authority = fresh()
    store.gate.clear()
    loading = asyncio.create_task(authority.user(USER))
    while store.loads == 0:
        await asyncio.sleep(0)
    store.roles = ("new",)
    authority.apply([("user", str(USER))])
    store.gate.set()
    await loading
    found = await authority.user(USER)
    assert found is not None
    assert found.roles == ("new",)


async def test_concurrent_askers_share_one_load() -> None:
    store, authority = fresh()
    await asyncio.gather(*(authority.user(USER) for _ in range(50)))
    assert store.loads == 1


async def test_unknown_clients_are_remembered_as_unknown_until_any_client_changes() -> None:
    store, authority = fresh()
    for _ in range(3):
        assert await authority.client("nobody") is None
    assert store.loads == 1
    authority.apply([("client", "somebody")])
    await authority.client("nobody")
    assert store.loads == 2


async def test_while_the_feed_is_down_memory_serves_on_up_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from token_core import authority as module

    now = 1000.0
    monkeypatch.setattr(module, "monotonic_seconds", lambda: now)
    store, authority = fresh(stale_seconds=300)
    await authority.user(USER)
    authority.note_feed_down()
    store.is_down = True
    now = 1200.0
    assert await authority.user(USER) is not None
    now = 1301.0
    with pytest.raises(TemporarilyUnavailable):
        await authority.user(USER)


async def test_a_feed_that_lags_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    from token_core import authority as module

    now = 1000.0
    monkeypatch.setattr(module, "monotonic_seconds", lambda: now)
    store, authority = fresh()
    await authority.user(USER)
    now = 1001.5
    await authority.user(USER)
    assert store.loads == 2
