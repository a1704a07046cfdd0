from __future__ import annotations

import pytest

from shared.clock import monotonic_seconds
from token_core.web.steady_answer import steady_answer


async def test_an_answer_leaves_no_earlier_than_its_time():
    began = monotonic_seconds()
    async with steady_answer(0.05):
        pass
    assert monotonic_seconds() - began >= 0.05


async def test_a_failure_takes_as_long():
    began = monotonic_seconds()
    with pytest.raises(LookupError):
        async with steady_answer(0.05):
            raise LookupError
    assert monotonic_seconds() - began >= 0.05
