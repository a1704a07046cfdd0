"""Answers that leave at fixed times after the request, so that they tell nothing about the work behind them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.clock import monotonic_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
