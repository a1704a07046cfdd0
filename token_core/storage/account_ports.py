"""What the account pages need of Postgres. The adapter is postgres_account.py; failures are those of sign_in_ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from token_core.storage.sign_in_ports import SignInTransaction

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from token_core.storage.sign_in_ports import Ended

Side = Literal["old", "new"]


@dataclass(frozen=True, slots=True)
class Place:
    """A browser that the person is known in or signed in from. `id`: of the device, else of the session."""

    id: uuid.UUID
    is_signed_in: bool
    began_at: datetime
    last_used_at: datetime
    address: str | None
    user_agent: str | None
    session_ids: frozenset[uuid.UUID]


@dataclass(frozen=True, slots=True)
class Access:
    """A client that the person allowed something, or that holds a live refresh family of theirs."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    granted_at: datetime | None
    is_live: bool


@dataclass(frozen=True, slots=True)
class EmailChange:
    id: uuid.UUID
    user_id: uuid.UUID
    old_email: str
    new_email: str
    is_confirmed_by_old: bool
    is_confirmed_by_new: bool


class EmailTakenError(Exception):
    """Another account has the address."""


class AccountTransaction(SignInTransaction, Protocol):
    async def lock_credentials(self, user_id: uuid.UUID, changed_at: datetime | None) -> bool:
        """Until the transaction ends; False if the password was set anew or the account closed since."""
        ...

    async def end_place(self, user_id: uuid.UUID, place_id: uuid.UUID, reason: str) -> Ended:
        """The person's own sessions of this device, or of this id, with every refresh family that came of them."""
        ...

    async def remove_devices(
        self, user_id: uuid.UUID, *, only: uuid.UUID | None = None, but: uuid.UUID | None = None
    ) -> Sequence[uuid.UUID]:
        """Known no more: one, or all, or all but one."""
        ...

    async def revoke_access(self, user_id: uuid.UUID, client_id: str, reason: str) -> tuple[bool, Sequence[uuid.UUID]]:
        """Whether there was a consent, and the refresh families that are revoked with it."""
        ...

    async def wish_for_email(
        self, change_id: uuid.UUID, user_id: uuid.UUID, email: str, canonical: str, expires_at: datetime
    ) -> None:
        """In the place of an earlier wish, whose links are void from now on."""
        ...

    async def confirm_email(self, email_id: uuid.UUID) -> tuple[EmailChange, Side] | None:
        """The change with this mail's side confirmed; None where it is no longer open."""
        ...

    async def complete_email_change(self, change: EmailChange) -> bool:
        """False: the account has another address by now. Raises `EmailTakenError`."""
        ...

    async def revert_email_change(self, email_id: uuid.UUID) -> EmailChange | None:
        """The old address again, no password, no later change's undo; None: the account went elsewhere since.

        Raises `EmailTakenError`.
        """
        ...


class AccountStore(Protocol):
    def transaction(self, now: datetime) -> AbstractAsyncContextManager[AccountTransaction]: ...

    async def places(self, user_id: uuid.UUID, now: datetime, idle_since: datetime) -> Sequence[Place]:
        """The latest used first."""
        ...

    async def access(self, user_id: uuid.UUID) -> Sequence[Access]: ...

    async def open_wish(self, user_id: uuid.UUID, now: datetime) -> EmailChange | None: ...

    async def everything(self, user_id: uuid.UUID) -> dict[str, Any]:
        """All that Postgres has of the person, decrypted, ready for JSON. Never a secret or a hash of one."""
        ...
