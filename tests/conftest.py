"""Fixtures by subject live in tests/fixtures; this file only names them."""

from __future__ import annotations

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
