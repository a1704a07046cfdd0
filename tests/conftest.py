"""Fixtures by subject live in tests/fixtures; this file only names them."""

from __future__ import annotations

import re

pytest_plugins = [
    "tests.fixtures.database",
    "tests.fixtures.engines",
    "tests.fixtures.pipeline",
    "tests.fixtures.relays",
    "tests.fixtures.provisioning",
    "tests.fixtures.administration",
    "tests.fixtures.mails",
    "tests.fixtures.stack",
    "tests.fixtures.node",
    "tests.fixtures.browser",
    "tests.fixtures.token_core",
    "tests.fixtures.hosted_pages",
]

_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]{6,}|frozenset")
_LONGEST = 120


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names that are the same in every test worker: a value that is random or long is called by its argument."""
    text = val if isinstance(val, str) else repr(val)
    return argname if _RANDOM.search(text) or len(text) > _LONGEST else None
