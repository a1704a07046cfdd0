"""Long polls that wait for a queue to have something."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Waiters:
    """Each wake-up moves a queue's version on, so that one between a look and a wait is not missed."""

    def __init__(self) -> None:
        self._versions: defaultdict[int, int] = defaultdict(int)
        self._waiting: defaultdict[int, set[asyncio.Future[None]]] = defaultdict(set)
        self.is_closed = False

    def version(self, queue_id: int) -> int:
        return self._versions[queue_id]

    def wake(self, queue_id: int) -> None:
        self._versions[queue_id] += 1
        for waiter in self._waiting.pop(queue_id, ()):
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """Ends every wait, now and from now on: the server is stopping."""
        self.is_closed = True
        for queue_id in list(self._waiting):
            self.wake(queue_id)

    async def wait(self, queue_id: int, seen_version: int, timeout_seconds: float) -> None:
        """Returns when the queue was woken after `seen_version`, or when the time is over."""
        if self.is_closed or self._versions[queue_id] != seen_version:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[queue_id].add(waiter)
        try:
            await asyncio.wait({waiter}, timeout=timeout_seconds)
        finally:
            waiting = self._waiting.get(queue_id)
            if waiting is not None:
                waiting.discard(waiter)
