"""RFC 6749 5.2, 4.1.2.1; RFC 6750 3.1; OpenID Connect Core 3.1.2.6."""

from __future__ import annotations

import re

import pytest

from token_core import errors
from token_core.errors import BearerError, InvalidGrant, OAuthError


def all_errors(base: type[OAuthError] = OAuthError) -> list[type[OAuthError]]:
    own = [each for each in base.__subclasses__() if each.__module__ == errors.__name__]
    return own + [found for each in own for found in all_errors(each)]


ALL = [each for each in all_errors() if each is not BearerError]
STATUS = {
    "invalid_client": 401, "invalid_token": 401, "insufficient_scope": 403, "server_error": 500,
    "temporarily_unavailable": 503,
}  # fmt: skip


@pytest.mark.parametrize("kind", ALL)
def test_each_code_has_the_status_of_its_rfc(kind: type[OAuthError]) -> None:
    assert kind().status == STATUS.get(kind.error, 400)


@pytest.mark.parametrize("kind", ALL)
def test_codes_and_descriptions_have_the_characters_that_rfc_6749_allows(kind: type[OAuthError]) -> None:
    """RFC 6749 5.2: MUST NOT include characters outside %x20-21 / %x23-5B / %x5D-7E."""
    for text in kind().body().values():
        assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", text)


@pytest.mark.parametrize("kind", ALL)
def test_the_detail_is_for_the_log_alone(kind: type[OAuthError]) -> None:
    error = kind(detail="canary")
    assert error.detail == "canary" and "canary" not in str(error.body())


@pytest.mark.parametrize("kind", ALL)
def test_a_description_says_what_to_do_without_repeating_what_was_sent(kind: type[OAuthError]) -> None:
    assert kind("Do this.").body() == {"error": kind.error, "error_description": "Do this."}
    assert kind().detail == kind.error


@pytest.mark.parametrize(
    "kind", [each for each in ALL if each.error in {"invalid_client", "invalid_grant", "invalid_token"}]
)
def test_what_only_the_token_endpoint_says_is_never_redirected(kind: type[OAuthError]) -> None:
    assert not kind.redirectable


def test_cannot_tell_is_never_no_and_says_when_to_come_back() -> None:
    error = errors.TemporarilyUnavailable()
    assert (error.status, error.retry_after_seconds) == (503, 1)
    assert not isinstance(error, InvalidGrant)
