"""Fixtures by subject live in tests/fixtures; this file only names them."""

from __future__ import annotations

pytest_plugins = [
    "tests.fixtures.engines",
    "tests.fixtures.hosted_pages",
    "tests.fixtures.pipeline",
    "tests.fixtures.provisioning",
    "tests.fixtures.stack",
    "tests.fixtures.token_core",
]
