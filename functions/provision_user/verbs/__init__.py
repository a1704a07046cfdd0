"""One file per verb. `VERBS` is the only list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from events.types import CommandType
from functions.provision_user.verbs.create import create
from functions.provision_user.verbs.disable import disable
from functions.provision_user.verbs.enable import enable
from functions.provision_user.verbs.erase import erase
from functions.provision_user.verbs.roles import assign_roles, revoke_roles
from functions.provision_user.verbs.update import update

if TYPE_CHECKING:
    from uuid import UUID

    from functions.provision_user.policy import Policy
    from functions.provision_user.users import User
    from functions.provision_user.work import Work


class Verb(Protocol):
    """Checks everything, then has it written. Returns the user's id, or raises ContradictionError first."""

    def __call__(self, work: Work, command: Any, user: User | None, policy: Policy, /) -> UUID: ...


VERBS: dict[CommandType, Verb] = {
    CommandType.USER_CREATE: create,
    CommandType.USER_UPDATE: update,
    CommandType.USER_DISABLE: disable,
    CommandType.USER_ENABLE: enable,
    CommandType.USER_ERASE: erase,
    CommandType.USER_ASSIGN_ROLES: assign_roles,
    CommandType.USER_REVOKE_ROLES: revoke_roles,
}
