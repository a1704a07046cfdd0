"""Fixtures by subject live in tests/fixtures; this file only names them."""

from __future__ import annotations

import re

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

_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}| at 0x[0-9a-f]+")
_LONGEST = 80


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names that are the same in every test worker, whatever is random in a value."""
    text = val if isinstance(val, str) else repr(val)
    if isinstance(val, bytes) and len(val) > _LONGEST:
        return argname
    if not _RANDOM.search(text):
        return None
    return _RANDOM.sub("…", text) if isinstance(val, str) else argname
