"""OpenID Connect Core 5.1, 5.4: which claims a scope opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROFILE_CLAIMS = tuple(Profile.model_fields)
SCOPE_CLAIMS: dict[str, tuple[str, ...]] = {"profile": PROFILE_CLAIMS, "email": ("email", "email_verified")}


def claims_for(scopes: Iterable[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `known` that the scopes open; what isn't known is left out (Core 5.3.2)."""
    names = [name for scope in scopes for name in SCOPE_CLAIMS.get(scope, ())]
    return {name: known[name] for name in names if known.get(name) is not None}
