"""Field types that several bodies share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=500)]
Title = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", min_length=1, max_length=200)]
Audience = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]
PermissionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,62}:[a-z][a-z0-9_.-]{0,62}$")]
ScopeName = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,128}$")]
ClientName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Uri = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,2000}$")]


class Body(BaseModel):
    """What is not known is refused, so that no typing error passes for a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
