"""Liveness, and readiness with each dependency's state, each asked with its own short timeout."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from token_core import metrics
from token_core.hot import NO_STORE, HotRequest, HotResponse, json_response

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from token_core.services import Services

CHECK_SECONDS = 0.5


async def live(_request: HotRequest, _services: Services) -> HotResponse:
    """The process answers. Says nothing of what it needs: restarting it would mend nothing there."""
    return json_response({"status": "live"})


async def ready(_request: HotRequest, services: Services) -> HotResponse:
    """503 only where no token can be issued; one lost dependency is `degraded`, or it would stop everything (P5)."""
    postgres, redis = await asyncio.gather(
        _state(services.database.read_one("SELECT 1")), _state(services.redis.ping(target_nodes="primaries"))
    )
    keys = "ok" if services.keys.is_ready else "missing"
    states = {"postgres": postgres, "redis": redis, "keys": keys}
    if all(state == "ok" for state in states.values()):
        status = "ready"
    elif keys == "ok" and "ok" in (postgres, redis):
        status = "degraded"
    else:
        status = "unavailable"
    headers = [*NO_STORE, (b"retry-after", b"1")] if status == "unavailable" else None
    return json_response({"status": status, "dependencies": states}, 503 if headers else 200, headers)


async def metrics_page(_request: HotRequest, _services: Services) -> HotResponse:
    """Prometheus' text. Not for the internet: the load balancer doesn't route it."""
    return HotResponse(200, metrics.render(), [(b"content-type", metrics.CONTENT_TYPE), *NO_STORE])


async def _state(check: Awaitable[Any]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check
    except TimeoutError:
        return "slow"
    except Exception:  # noqa: BLE001 - whatever its client raises, it can not be reached
        return "down"
    return "ok"
