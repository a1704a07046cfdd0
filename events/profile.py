"""The claims about a person that the platform keeps: OpenID Connect Core 5.1, without address and phone."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
Line = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=_PRINTABLE)]
Url = Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://[^\s\x00-\x1f\x7f<>\"]+$")]
Birthdate = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?$")]
Zoneinfo = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$")]
Locale = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$")]


class Profile(BaseModel):
    """A claim that is null or absent isn't known."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Line | None = None
    given_name: Line | None = None
    family_name: Line | None = None
    middle_name: Line | None = None
    nickname: Line | None = None
    preferred_username: Line | None = None
    profile: Url | None = None
    picture: Url | None = None
    website: Url | None = None
    gender: Line | None = None
    birthdate: Birthdate | None = None
    zoneinfo: Zoneinfo | None = None
    locale: Locale | None = None
