"""Roles carry permissions; a permission is one right at one resource server, named `resource:action`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping

    PermissionT = TypeVar("PermissionT", bound=Hashable)

_PERMISSION = re.compile(r"[a-z][a-z0-9_.-]{0,62}:[a-z][a-z0-9_.-]{0,62}", re.ASCII)
_ROLE = re.compile(r"[a-z][a-z0-9._:-]{0,63}", re.ASCII)


def is_permission_name(name: str) -> bool:
    """`resource:action`, each a lower-case letter and then letters, digits, `_`, `.` or `-`."""
    return _PERMISSION.fullmatch(name) is not None


def is_role_name(name: str) -> bool:
    """As `events.commands.RoleName`: what a command may name."""
    return _ROLE.fullmatch(name) is not None


def effective_permissions(
    held_roles: Iterable[str], permissions_of_role: Mapping[str, Collection[PermissionT]]
) -> frozenset[PermissionT]:
    """Everything that at least one of the held roles carries. A role that there is no more carries nothing."""
    return frozenset(permission for role in held_roles for permission in permissions_of_role.get(role, ()))
