"""Users as commands find and change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row, tuple_row

from events.commands import ByExternalId, ById, RejectionReason
from functions.provision_user.contradictions import ContradictionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from psycopg import Connection, Cursor

    from functions.provision_user.policy import Policy

_COLUMNS = "id, external_id, email, email_canonical, email_verified_at, status, profile"
# NO KEY UPDATE: bindings and credentials that point to the user can be written meanwhile
_BY_EXTERNAL_ID = f"SELECT {_COLUMNS} FROM users WHERE external_id = %s FOR NO KEY UPDATE"  # noqa: S608 - constants
_BY_ID = f"SELECT {_COLUMNS} FROM users WHERE id = %s FOR NO KEY UPDATE"  # noqa: S608
_EMAIL_HOLDER = "SELECT id FROM users WHERE email_canonical = %s"
_HELD_ROLES = "SELECT r.name FROM role_bindings b JOIN roles r ON r.id = b.role_id WHERE b.user_id = %s"
_ROLES = "SELECT name, id FROM roles WHERE name = ANY(%s) FOR KEY SHARE"


@dataclass(frozen=True, slots=True)
class User:
    """A row of users, locked until the transaction ends."""

    id: UUID
    external_id: str | None
    email: str | None
    email_canonical: str | None
    email_verified_at: Any
    status: str
    profile: dict[str, Any]

    @property
    def references(self) -> list[str]:
        """The groups that this user's commands may come in."""
        return [str(self.id), *([self.external_id] if self.external_id else [])]


def ask_user(connection: Connection[Any], reference: ByExternalId | ById) -> Cursor[User]:
    """The user that a command means, locked."""
    cursor = connection.cursor(row_factory=class_row(User))
    if isinstance(reference, ById):
        return cursor.execute(_BY_ID, (reference.id,))
    return cursor.execute(_BY_EXTERNAL_ID, (reference.external_id,))


def require_user(user: User | None) -> User:
    """The user, if there is one who can still be changed.

    Raises:
        ContradictionError: user_not_found, user_erased.
    """
    if user is None:
        raise ContradictionError(RejectionReason.USER_NOT_FOUND, "user: nobody has this reference")
    if user.status == "erased":
        raise ContradictionError(RejectionReason.USER_ERASED, "user: erased")
    return user


def require_free_email(connection: Connection[Any], canonical: str) -> None:
    """Let nobody take another's address.

    Raises:
        ContradictionError: email_taken.
    """
    if connection.execute(_EMAIL_HOLDER, (canonical,)).fetchone() is not None:
        raise ContradictionError(RejectionReason.EMAIL_TAKEN, "payload.email: another user has it")


def require_rights_within(connection: Connection[Any], user: User, policy: Policy) -> None:
    """Let no sender take over who holds more than the sender may grant: a new address sets a new password.

    Raises:
        ContradictionError: role_not_grantable.
    """
    held = [row[0] for row in connection.cursor(row_factory=tuple_row).execute(_HELD_ROLES, (user.id,)).fetchall()]
    if not set(held) <= set(policy.roles):
        detail = "user: holds a role that the sender's policy does not hold"
        raise ContradictionError(RejectionReason.ROLE_NOT_GRANTABLE, detail)


def role_ids(connection: Connection[Any], names: Sequence[str]) -> dict[str, UUID]:
    """The ids of all named roles, none of which can be deleted meanwhile.

    Raises:
        ContradictionError: role_unknown.
    """
    if not names:
        return {}
    cursor = connection.cursor(row_factory=tuple_row)
    found: dict[str, UUID] = dict(cursor.execute(_ROLES, (list(names),)).fetchall())
    if set(found) != set(names):
        raise ContradictionError(RejectionReason.ROLE_UNKNOWN, "payload.roles: not all of them exist")
    return found
