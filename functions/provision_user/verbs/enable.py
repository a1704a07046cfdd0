"""user.enable: may sign in again; what disabling ended stays ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.payloads.user import UserEnabled
from events.types import EventType
from functions.provision_user.users import require_rights_within, require_user

if TYPE_CHECKING:
    from uuid import UUID

    from events.commands import UserEnableCommand
    from functions.provision_user.policy import Policy
    from functions.provision_user.users import User
    from functions.provision_user.work import Work

_ENABLE = "UPDATE users SET status = 'active', updated_at = %s, version = version + 1 WHERE id = %s"


def enable(work: Work, _: UserEnableCommand, user: User | None, policy: Policy) -> UUID:
    user = require_user(user)
    if user.status != "active":
        require_rights_within(work.connection, user, policy)
        work.write(_ENABLE, work.now, user.id)
        work.record(EventType.USER_ENABLED, UserEnabled(), subject=str(user.id))
        work.user_changed(user.id)
    return user.id
