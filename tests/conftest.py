"""Fixtures by subject live in tests/fixtures; this file only names them."""

from __future__ import annotations

import re
from collections import Counter

import pytest

pytest_plugins = [
    "tests.fixtures.database",
    "tests.fixtures.engines",
    "tests.fixtures.pipeline",
    "tests.fixtures.relays",
    "tests.fixtures.provisioning",
    "tests.fixtures.mails",
    "tests.fixtures.stack",
    "tests.fixtures.node",
    "tests.fixtures.browser",
    "tests.fixtures.token_core",
    "tests.fixtures.hosted_pages",
]

_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]{6,}|frozenset|\\x")
_LONGEST = 160


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Names that are the same in every test worker: a case named after something random or long is numbered instead."""
    seen: Counter[str] = Counter()
    for item in items:
        function, bracket, case = item.nodeid.partition("[")
        seen[function] += 1
        if bracket and (_RANDOM.search(case) or len(case) > _LONGEST):
            item._nodeid = f"{function}[case {seen[function]}]"
