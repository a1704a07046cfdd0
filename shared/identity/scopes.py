"""Which scopes a subject can get: those whose every permission it holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping

    PermissionT = TypeVar("PermissionT", bound=Hashable)

OPENID = "openid"
PROFILE = "profile"
EMAIL = "email"
OFFLINE_ACCESS = "offline_access"
STANDARD_SCOPES = frozenset({OPENID, PROFILE, EMAIL, OFFLINE_ACCESS})
"""OpenID Connect Core 5.4 and 11: of no resource server, and of people only."""

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")


def is_scope_name(name: str) -> bool:
    """A scope-token of RFC 6749 3.3, at most 128 characters, that isn't a standard one."""
    return _SCOPE_TOKEN.fullmatch(name) is not None and name not in STANDARD_SCOPES


def grantable_scopes(
    requested: Iterable[str],
    permissions_of_scope: Mapping[str, Collection[PermissionT]],
    held: Collection[PermissionT],
) -> tuple[str, ...]:
    """Those of the requested that the holder of `held` can get, in their order, each once.

    A standard scope carries no permission, so that everybody can get it; a scope that there is no more, nobody.
    """
    granted = dict.fromkeys(
        scope
        for scope in requested
        if scope in STANDARD_SCOPES
        or (scope in permissions_of_scope and all(need in held for need in permissions_of_scope[scope]))
    )
    return tuple(granted)
