"""A thread that repeats one step, backs off while it fails, and says how it is doing."""

from __future__ import annotations

import logging
import random
import threading
from typing import TYPE_CHECKING, Protocol

from shared.clock import monotonic_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Step(Protocol):
    def __call__(self) -> float:
        """Do a bounded piece of work. Returns the seconds to wait before the next; 0 where there is more to do."""
        ...


class Loop:
    """Runs `step` until `stop`. A failing step is repeated with growing pauses: nothing it did counts until it commits.

    Args:
        name: as in logs, metrics and readiness, such as `outbox/0 seal`.
        on_error: counts a failure, with the loop's name.
    """

    def __init__(self, name: str, step: Step, on_error: Callable[[str], None]) -> None:
        self.name = name
        self._step = step
        self._on_error = on_error
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._failures = 0
        self.error: str | None = "has not run yet"
        self.beat = monotonic_seconds()

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """End the present wait early: there is work."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def join(self, timeout_seconds: float) -> bool:
        """True where the thread has ended."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, timeout_seconds))
        return not self._thread.is_alive()

    def drain(self, deadline: float) -> None:
        """After `join`: step on, in this thread, until there is nothing to do, a failure, or the deadline."""
        try:
            while monotonic_seconds() < deadline and self._step() == 0:
                pass
        except Exception:
            logger.exception("not drained", extra={"loop": self.name})

    def _run(self) -> None:
        while not self._stopping.is_set():
            wait = self._once()
            self.beat = monotonic_seconds()
            if wait > 0:
                self._wake.wait(wait)
            self._wake.clear()

    def _once(self) -> float:
        try:
            wait = self._step()
        except Exception as error:
            self._failures += 1
            self.error = type(error).__name__
            self._on_error(self.name)
            logger.warning("step failed, will be repeated", extra={"loop": self.name}, exc_info=self._failures == 1)
            longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(self._failures, 10))
            return random.uniform(longest / 2, longest)  # noqa: S311 - jitter
        if self._failures:
            logger.info("works again", extra={"loop": self.name, "failures": self._failures})
        self._failures = 0
        self.error = None
        return wait
