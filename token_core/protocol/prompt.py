"""OpenID Connect Core 3.1.2.1, 3.1.2.3: what the person has to be asked for before a code can be issued."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Prompt(StrEnum):
    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


class Step(StrEnum):
    """What comes next for the person."""

    SIGN_IN = "sign_in"
    CONSENT = "consent"
    ISSUE = "issue"
    WRONG_USER = "wrong_user"  # signed in just now, but not as the person whom the client named


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Of the browser's session, what the decision needs."""

    subject: str
    authenticated_at: datetime


def read_prompt(text: str | None) -> frozenset[Prompt]:
    """The prompt parameter's values. Raises `ValueError`, with a text for the client developer."""
    if text is None:
        return frozenset()
    try:
        values = frozenset(Prompt(value) for value in text.split(" ") if value)
    except ValueError:
        raise ValueError("prompt has to be none, login, consent or select_account") from None
    if Prompt.NONE in values and len(values) > 1:
        raise ValueError("prompt none can't be combined with others")
    return values


def next_step(
    *,
    prompt: frozenset[Prompt],
    max_age_seconds: int | None,
    hinted_subject: str | None,
    signed_in: SignedIn | None,
    requested_at: datetime,
    now: datetime,
    has_consent: bool,
) -> Step:
    """The next step. A sign-in made since the request came (`requested_at`) satisfies every wish for a fresh one."""
    if signed_in is None:
        return Step.SIGN_IN
    is_fresh = signed_in.authenticated_at >= requested_at
    if hinted_subject is not None and hinted_subject != signed_in.subject:
        return Step.WRONG_USER if is_fresh else Step.SIGN_IN
    if not is_fresh and prompt & {Prompt.LOGIN, Prompt.SELECT_ACCOUNT}:
        return Step.SIGN_IN
    age_seconds = (now - signed_in.authenticated_at).total_seconds()
    if not is_fresh and max_age_seconds is not None and age_seconds > max_age_seconds:
        return Step.SIGN_IN
    if Prompt.CONSENT in prompt or not has_consent:
        return Step.CONSENT
    return Step.ISSUE
