"""user.disable: out at once, everywhere, and until enabled again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.payloads.user import UserDisabled
from events.types import EventType
from functions.provision_user.users import require_user
from functions.provision_user.verbs.access import end_access

if TYPE_CHECKING:
    from uuid import UUID

    from events.commands import UserDisableCommand
    from functions.provision_user.policy import Policy
    from functions.provision_user.users import User
    from functions.provision_user.work import Work

_DISABLE = "UPDATE users SET status = 'disabled', updated_at = %s, version = version + 1 WHERE id = %s"


def disable(work: Work, command: UserDisableCommand, user: User | None, _: Policy) -> UUID:
    user = require_user(user)
    if user.status != "disabled":
        work.write(_DISABLE, work.now, user.id)
        work.record(EventType.USER_DISABLED, UserDisabled(reason=command.payload.reason), subject=str(user.id))
    end_access(work, user.id, "user_disabled")
    work.user_changed(user.id)
    return user.id
