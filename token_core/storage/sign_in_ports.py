"""What the hosted pages need of Postgres. The adapter is postgres_sign_in.py.

All of it raises `TemporarilyUnavailable` where Postgres can't be asked or an outcome isn't known: never "no".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from events.payloads.fields import Origin, Payload, Personal
    from events.types import EventType


@dataclass(frozen=True, slots=True)
class Account:
    """A person as the sign-in sees them, with the browser's credential that fits them, if one does."""

    user_id: uuid.UUID
    is_active: bool
    password_hash: str | None
    device_id: uuid.UUID | None
    credentials_changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class CurrentSession:
    """A live sign-in of an active user, as far as the row says; the secret is still to be compared."""

    id: uuid.UUID
    user_id: uuid.UUID
    email: str
    secret_hash: bytes
    device_id: uuid.UUID | None
    authenticated_at: datetime
    amr: tuple[str, ...]
    acr: str | None
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class NewSession:
    id: uuid.UUID
    user_id: uuid.UUID
    secret_hash: bytes
    device_id: uuid.UUID | None
    authenticated_at: datetime
    amr: Sequence[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail, with a link where `purpose` is given."""

    id: uuid.UUID
    user_id: uuid.UUID
    template: str
    parameters: dict[str, str]
    purpose: str | None = None
    link_expires_at: datetime | None = None


class LinkState(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    SPENT = "spent"
    VOID = "void"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Link:
    state: LinkState
    user_id: uuid.UUID | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    session_ids: Sequence[uuid.UUID]
    family_ids: Sequence[uuid.UUID]


class SignInTransaction(Protocol):
    """Changes that become true together, with the events that tell of them."""

    async def record(
        self,
        event_type: EventType,
        payload: Payload,
        *,
        subject: str,
        actor: str,
        client_id: str | None = None,
        session_id: uuid.UUID | None = None,
        origin: Personal | None = None,
    ) -> None:
        """Write the event. `origin`, or what else the type says of a person, is encrypted under the subject's key."""
        ...

    async def insert_session(self, session: NewSession, origin: Origin) -> None: ...

    async def end_session(self, session_id: uuid.UUID, reason: str) -> bool:
        """True if it was live."""
        ...

    async def revoke_online_families(self, session_id: uuid.UUID, reason: str) -> Sequence[uuid.UUID]:
        """Revoke the session's refresh families that were not granted offline_access."""
        ...

    async def insert_device(self, device_id: uuid.UUID, user_id: uuid.UUID, secret_hash: bytes) -> None: ...

    async def touch_device(self, device_id: uuid.UUID) -> None: ...

    async def lock_active_user(self, user_id: uuid.UUID) -> bool:
        """Until the end of the transaction; False if the user is disabled, erased or unknown."""
        ...

    async def lock_unchanged(self, account: Account) -> bool:
        """Until the transaction ends; False if the password was set anew or the account closed since it was read."""
        ...

    async def set_password(self, user_id: uuid.UUID, password_hash: str) -> bool:
        """True if it took another one's place; False for the first."""
        ...

    async def renew_hash(self, user_id: uuid.UUID, old_hash: str, new_hash: str) -> bool:
        """The same password under other parameters; False if the password was changed meanwhile."""
        ...

    async def spend_link(self, email_id: uuid.UUID, purpose: str) -> uuid.UUID | None:
        """The user whose live link this was: exactly one use gets them."""
        ...

    async def verify_email(self, user_id: uuid.UUID) -> bool:
        """True if the address was not verified before."""
        ...

    async def queue_mail(self, mail: NewMail) -> None: ...

    async def end_access(self, user_id: uuid.UUID, reason: str, except_session: uuid.UUID | None = None) -> Ended:
        """End sessions, revoke refresh families, void mailed links."""
        ...

    async def grant_consent(self, user_id: uuid.UUID, client_row: uuid.UUID, scopes: Iterable[str]) -> None: ...


class SignInStore(Protocol):
    def transaction(self, now: datetime) -> AbstractAsyncContextManager[SignInTransaction]: ...

    async def find_account(
        self, email_canonical: str, device_ids: Sequence[uuid.UUID], device_hashes: Sequence[bytes]
    ) -> Account | None: ...

    async def find_session(self, session_id: uuid.UUID, now: datetime, idle_since: datetime) -> CurrentSession | None:
        """Live, seen since `idle_since`, its user active."""
        ...

    async def touch_session(self, session_id: uuid.UUID, now: datetime) -> None: ...

    async def reserve(self, key: bytes, window_start: datetime, limit: int) -> bool:
        """Count one more use of the key in the window, unless the limit is reached."""
        ...

    async def give_back(self, key: bytes, window_start: datetime) -> None: ...

    async def consented_scopes(self, user_id: uuid.UUID, client_row: uuid.UUID) -> frozenset[str]: ...

    async def look_at_link(self, email_id: uuid.UUID, purpose: str, now: datetime) -> Link: ...
