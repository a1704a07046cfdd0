"""RFC 6750 section 3."""

from __future__ import annotations

import pytest

from resource_server.challenge import (
    cannot_tell,
    insufficient_permission,
    invalid_request,
    invalid_token,
    no_token,
)

ALL = [
    no_token("api"),
    invalid_request("api", "two headers"),
    invalid_token("api"),
    insufficient_permission("api", "a:b"),
    cannot_tell(),
]


def test_without_credentials_no_error_is_told() -> None:
    """RFC 6750 3.1: SHOULD NOT include an error code or other error information."""
    error = no_token("api")
    assert (error.status, error.error, error.challenge) == (401, None, 'Bearer realm="api"')


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(ALL[1], 400, "invalid_request"), (ALL[2], 401, "invalid_token"), (ALL[3], 403, "insufficient_scope")],
)
def test_each_code_has_its_status(error, status: int, code: str) -> None:
    assert (error.status, error.error) == (status, code)
    assert error.challenge.startswith(f'Bearer realm="api", error="{code}", error_description="')


def test_what_can_not_be_told_is_never_no() -> None:
    error = cannot_tell()
    assert error.status == 503 and error.headers["retry-after"] == "1"
    assert "www-authenticate" not in error.headers


@pytest.mark.parametrize("error", ALL, ids=lambda error: str(error.status))
def test_no_answer_is_cached_and_quoted_text_can_not_break_out(error) -> None:
    assert error.headers["cache-control"] == "no-store"
    for quoted in (error.challenge or "").split('"')[1::2]:
        assert quoted.isascii() and quoted.isprintable() and "\\" not in quoted
    assert (error.challenge or "").count('"') % 2 == 0
