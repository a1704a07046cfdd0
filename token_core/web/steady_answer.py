"""Answers that leave no earlier than a fixed time after the request, so that their time tells nothing about the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.clock import monotonic_seconds

STEADY_SECONDS = 0.25  # well over what the work takes with or without a mail to be written


@asynccontextmanager
async def steady_answer(seconds: float = STEADY_SECONDS) -> AsyncIterator[None]:
    """Leave the block at a multiple of `seconds` after entering it; also when it fails."""
    began = monotonic_seconds()
    try:
        yield
    finally:
        spent = monotonic_seconds() - began
        await asyncio.sleep(seconds - spent % seconds)
