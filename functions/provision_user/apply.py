"""A command finds its verb: about a user, or about what is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.provision_user.registry import REGISTRY_VERBS, change_registry
from functions.provision_user.verbs import VERBS

if TYPE_CHECKING:
    from uuid import UUID

    from events.commands import Command
    from functions.provision_user.policy import Policy
    from functions.provision_user.users import User
    from functions.provision_user.work import Work


def apply_command(work: Work, command: Command, user: User | None, policy: Policy) -> UUID | None:
    """Check it against what exists, then have its effects written. Returns the user's id, where it is about one.

    Raises:
        ContradictionError: it can't be applied; nothing is written.
    """
    if command.type in REGISTRY_VERBS:
        change_registry(work, command, policy)
        return None
    return VERBS[command.type](work, command, user, policy)
