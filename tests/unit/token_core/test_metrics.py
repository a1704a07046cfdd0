"""What requests count is written together, and nothing is lost or counted otherwise for it."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Histogram

from token_core import metrics
from token_core.metrics import count_issued, observe_request, render


def counted(counter, *labels: str) -> float:
    """As the page would show it: whatever imported prometheus_client first decided where it keeps it."""
    render()
    return counter.labels(*labels)._value.get()


@pytest.mark.parametrize("seconds", [[], [0.0], [0.001, 0.0011], [0.3, 5.0, 5.1, 1000.0, 0.3]])
def test_many_observations_at_once_are_those_one_by_one(seconds: list[float]) -> None:
    pages = []
    for observe in (
        lambda one: [one.observe(each) for each in seconds],
        lambda one: metrics._observe_all(one, seconds),
    ):
        registry = CollectorRegistry()
        histogram = Histogram("x", "x", registry=registry, buckets=metrics._SECONDS)
        observe(histogram)
        pages.append(
            [
                (s.name, s.labels, round(s.value, 6))
                for m in registry.collect()
                for s in m.samples
                if "created" not in s.name
            ]
        )
    assert pages[0] == pages[1]


async def test_a_page_shows_every_request_before_it() -> None:
    labels = (metrics._requests, "/counted", "GET", "200")
    before = counted(*labels)
    for _ in range(7):
        observe_request("/counted", "GET", 200, 0.002)
    assert counted(*labels) == before + 7
    assert counted(*labels) == before + 7


async def test_what_nobody_asks_for_is_written_all_the_same() -> None:
    child = metrics._requests.labels("/counted", "GET", "204")
    before = child._value.get()
    observe_request("/counted", "GET", 204, 0.002)
    async with asyncio.timeout(10):
        while child._value.get() != before + 1:
            await asyncio.sleep(0.01)


async def test_a_method_that_nobody_knows_is_other() -> None:
    labels = (metrics._requests, "/counted", "other", "405")
    before = counted(*labels)
    observe_request("/counted", "BREW", 405, 0.002)
    assert counted(*labels) == before + 1


async def test_tokens_are_counted_with_the_request_that_they_answer() -> None:
    labels = (metrics._tokens_issued, "client_credentials")
    before = counted(*labels)
    count_issued("client_credentials")
    observe_request("/oauth2/token", "POST", 200, 0.002)
    assert counted(*labels) == before + 1
