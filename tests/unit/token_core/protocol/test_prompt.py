from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from token_core.protocol.prompt import Prompt, SignedIn, Step, next_step, read_prompt

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEFORE, SINCE = NOW - timedelta(hours=1), NOW - timedelta(seconds=1)
ASKED = NOW - timedelta(seconds=30)


def step(**changes):
    asked = {
        "prompt": frozenset(), "max_age_seconds": None, "hinted_subject": None, "requested_at": ASKED, "now": NOW,
        "signed_in": SignedIn("me", BEFORE), "has_consent": True,
    }  # fmt: skip
    return next_step(**(asked | changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Step.ISSUE),
        ({"signed_in": None}, Step.SIGN_IN),
        ({"has_consent": False}, Step.CONSENT),
        ({"prompt": {Prompt.CONSENT}}, Step.CONSENT),
        ({"prompt": {Prompt.LOGIN}}, Step.SIGN_IN),
        ({"prompt": {Prompt.SELECT_ACCOUNT}}, Step.SIGN_IN),
        ({"prompt": {Prompt.LOGIN}, "signed_in": SignedIn("me", SINCE)}, Step.ISSUE),
        ({"prompt": {Prompt.LOGIN, Prompt.CONSENT}, "signed_in": SignedIn("me", SINCE)}, Step.CONSENT),
        ({"max_age_seconds": 3599}, Step.SIGN_IN),
        ({"max_age_seconds": 3601}, Step.ISSUE),
        ({"max_age_seconds": 0, "signed_in": SignedIn("me", SINCE)}, Step.ISSUE),
        ({"hinted_subject": "me"}, Step.ISSUE),
        ({"hinted_subject": "you"}, Step.SIGN_IN),
        ({"hinted_subject": "you", "signed_in": SignedIn("me", SINCE)}, Step.WRONG_USER),
    ],
)
def test_the_next_step_follows_from_what_was_asked_and_done(changes, expected):
    assert step(**changes) is expected


def test_prompt_none_stands_alone():
    assert read_prompt("none") == {Prompt.NONE}
    with pytest.raises(ValueError, match="combined"):
        read_prompt("none login")


def test_an_unknown_prompt_is_refused_without_being_repeated():
    with pytest.raises(ValueError, match="has to be") as caught:
        read_prompt("create")
    assert "create" not in str(caught.value)
