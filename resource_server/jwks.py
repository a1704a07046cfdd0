"""The issuer's public keys (RFC 7517), fetched when needed and kept in memory."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_KEYS = 64


class KeysUnavailableError(Exception):
    """The issuer's keys could not be fetched, and none that are young enough are held."""


async def fetch_json(url: str, timeout_seconds: float = 3.0) -> Any:
    """GET a JSON document. Redirects are not followed.

    Raises:
        KeysUnavailableError: no answer, not 200, or not JSON.
    """
    import httpx  # noqa: PLC0415 - a quarter of a second that a cold start need not wait for

    try:
        async with httpx.AsyncClient(timeout=timeout_seconds, follow_redirects=False) as client:
            response = await client.get(url, headers={"accept": "application/json"})
            if response.status_code != httpx.codes.OK:
                raise KeysUnavailableError(f"{url} answered {response.status_code}")
            return response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise KeysUnavailableError(f"{url}: {type(error).__name__}") from error


@dataclass
class JwksCache:
    """Keys by `kid`.

    An unknown `kid` has the set fetched again, so that a new key is met at once; but at most once per
    `min_refetch_seconds`, so that made-up `kid`s don't turn into load on the issuer. While the issuer is down,
    what is held goes on being used for `max_stale_seconds`.

    Args:
        url: the `jwks_uri`, from configuration, never from a token.
        fetch: how a JSON document is fetched.
        now: seconds on a clock that never goes back.
    """

    url: str
    max_age_seconds: float = 300.0
    min_refetch_seconds: float = 5.0
    max_stale_seconds: float = 86_400.0
    fetch: Callable[[str], Awaitable[Any]] = fetch_json
    now: Callable[[], float] = time.monotonic
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict, repr=False)
    _fetched_at: float | None = None
    _tried_at: float | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """The key of that name; None when the issuer doesn't publish it.

        Raises:
            KeysUnavailableError: it can't be told.
        """
        if kid in self._keys and self._age() < self.max_age_seconds:
            return self._keys[kid]
        async with self._lock:  # those who wait here find what the first one fetched
            if not (kid in self._keys and self._age() < self.max_age_seconds) and self._may_fetch():
                await self._refresh()
        if self._age() > self.max_stale_seconds:
            raise KeysUnavailableError(f"no keys from {self.url}")
        return self._keys.get(kid)

    async def is_available(self) -> bool:
        """Whether tokens can be verified now: for readiness checks."""
        try:
            await self.key("")
        except KeysUnavailableError:
            return False
        return True

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self.now() - self._fetched_at

    def _may_fetch(self) -> bool:
        return self._tried_at is None or self.now() - self._tried_at >= self.min_refetch_seconds

    async def _refresh(self) -> None:
        self._tried_at = self.now()
        try:
            keys = _signing_keys(await self.fetch(self.url))
        except KeysUnavailableError:
            if self._age() > self.max_stale_seconds:
                raise
            return
        self._keys, self._fetched_at = keys, self.now()


def _signing_keys(document: Any) -> dict[str, jwt.PyJWK]:
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeysUnavailableError("not a JWK set")
    keys = {}
    for entry in entries[:MAX_KEYS]:
        if isinstance(entry, dict) and isinstance(entry.get("kid"), str) and entry.get("use", "sig") == "sig":
            try:
                keys[entry["kid"]] = jwt.PyJWK(entry)
            except (jwt.PyJWTError, ValueError, TypeError):
                continue  # RFC 7517 section 5: keys that aren't understood are ignored
    return keys
