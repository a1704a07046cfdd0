"""Which claims about a person there are, and which scope shows them (OpenID Connect Core 5.1, 5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from events.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PROFILE_CLAIMS = tuple(Profile.model_fields)
EMAIL_CLAIMS = ("email", "email_verified")


class InvalidProfileError(ValueError):
    """The message names claims, never their values."""


def read_profile(values: Mapping[str, Any]) -> Profile:
    """Check types and lengths; a claim that is null is one that isn't known.

    Raises:
        InvalidProfileError: a claim that isn't ours, or of another type or form.
    """
    try:
        return Profile.model_validate(dict(values))
    except ValidationError as error:
        names = sorted({str(problem["loc"][0])[:40] for problem in error.errors() if problem["loc"]})
        raise InvalidProfileError("profile: " + ", ".join(names)) from None


def stored_profile(profile: Profile) -> dict[str, str]:
    """As it stands in `users.profile`: without what isn't known."""
    claims: dict[str, str] = profile.model_dump(exclude_none=True)
    return claims


def changed_profile(stored: Mapping[str, str], change: Profile) -> dict[str, str]:
    """`stored` after `change`: claims that it leaves out stay, those that it sets to null go."""
    merged = {**stored, **change.model_dump(exclude_unset=True)}
    return {claim: value for claim, value in merged.items() if value is not None}


def claims_of_scopes(
    scopes: Collection[str], profile: Mapping[str, str], email: str | None, *, email_verified: bool
) -> dict[str, str | bool]:
    """What the scopes `profile` and `email` show of a person (Core 5.4)."""
    claims: dict[str, str | bool] = {}
    if "profile" in scopes:
        claims.update({claim: profile[claim] for claim in PROFILE_CLAIMS if claim in profile})
    if "email" in scopes and email is not None:
        claims.update(email=email, email_verified=email_verified)
    return claims
