"""What an administrator may change in a parked command: what it asks for, never whom or what kind, or beyond their own.

The edited command is applied as its sender's. So that nobody borrows the sender's rights, an edit may add no role that
carries what the editor doesn't hold, and it takes users:write, as asking for the same here would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.commands import MalformedCommandError, parse_command
from functions.admin_api.problems import ProblemError, invalid_field
from shared.identity.held import carried_by_roles

if TYPE_CHECKING:
    from events.commands import Command
    from functions.admin_api.changes import Change

_FIXED = ("command_id", "type", "version", "issued_at", "user")


def read_edited(change: Change, old_body: str, new_body: str) -> tuple[Command, tuple[str, ...]]:
    """The command as edited, and which fields changed.

    Raises:
        ProblemError: it is no command, another one, or takes what the editor doesn't hold.
    """
    try:
        old = parse_command(old_body)
    except MalformedCommandError as error:
        raise ProblemError(409, "conflict", "what is parked can't be read: dismiss it") from error
    if not old.type.value.startswith("user."):
        raise ProblemError(409, "conflict", "only commands about users can be edited: dismiss it and send another")
    try:
        new = parse_command(new_body)
    except MalformedCommandError as error:
        raise invalid_field("body", error.detail) from error
    for name in _FIXED:
        if getattr(new, name) != getattr(old, name):
            raise invalid_field("body", f"{name} stays as it is: dismiss this command and send another")
    change.require_held(frozenset({(change.services.audience, "users:write")}), "body")
    before, after = _payload(old), _payload(new)
    if new_roles := set(after.get("roles", ())) - set(before.get("roles", ())):
        change.require_held(frozenset({(change.services.audience, "roles:assign")}), "body")
        change.require_held(change.run(carried_by_roles(new_roles)), "body")
    names = sorted(before.keys() | after.keys())
    return new, tuple(f"payload.{name}" for name in names if before.get(name) != after.get(name))


def _payload(command: Any) -> dict[str, Any]:
    payload: dict[str, Any] = command.payload.model_dump()
    return payload
