"""What the grants need of the stores, each port no wider than its user. Adapters: redis_*.py, postgres_*.py.

All of them raise `TemporarilyUnavailable` when their store can't be asked or an outcome isn't known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from events.envelope import Event
    from token_core.tokens.authorization_code import AuthorizationCode


class CodeStore(Protocol):
    """Codes in flight, for their 60 seconds."""

    async def save(self, code: str, content: AuthorizationCode) -> None: ...

    async def find(self, code: str) -> AuthorizationCode | None: ...


@dataclass(frozen=True, slots=True)
class NewFamily:
    """The first generation of a refresh family."""

    id: uuid.UUID
    user_id: uuid.UUID
    client_id: uuid.UUID
    session_id: uuid.UUID | None
    scopes: Sequence[str]
    auth_time: datetime
    amr: Sequence[str]
    acr: str | None
    token_hash: bytes
    idle_expires_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Redemption:
    """One use of a code: what has to become true together, or not at all."""

    code_hash: bytes
    issued_at: datetime
    user_id: uuid.UUID
    session_id: uuid.UUID
    jti: uuid.UUID
    access_token_expires_at: datetime
    family: NewFamily | None
    event: Event
    now: datetime


@dataclass(frozen=True, slots=True)
class Spent:
    """What an earlier use of the code gave."""

    client_id: uuid.UUID | None  # None where it gave no refresh token
    family_id: uuid.UUID | None
    jti: uuid.UUID
    access_token_expires_at: datetime


class CodeLedger(Protocol):
    async def redeem(self, redemption: Redemption) -> bool:
        """True for exactly one use; False if the code is spent, or its session or user is over."""
        ...

    async def find_spent(self, code_hash: bytes, issued_at: datetime) -> Spent | None: ...

    async def revoke_what_it_gave(self, spent: Spent, now: datetime, event: Event) -> bool:
        """Revoke the family and the access token; True (and the event written) the first time."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """A refresh family as it stands."""

    id: uuid.UUID
    user_id: uuid.UUID
    client_id: uuid.UUID
    session_id: uuid.UUID | None
    scopes: tuple[str, ...]
    auth_time: datetime
    amr: tuple[str, ...]
    acr: str | None
    generation: int
    current_hash: bytes
    previous_hash: bytes | None
    answer: bytes | None
    answer_binding: bytes | None
    replay_until: datetime | None
    idle_expires_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    is_session_live: bool  # False after a sign-out, which a family with offline_access outlives


@dataclass(frozen=True, slots=True)
class Rotation:
    """The claim: from the live token to its successor, with the answer that the spent one may get again."""

    family_id: uuid.UUID
    spent_hash: bytes
    new_hash: bytes
    new_generation: int
    answer: bytes
    answer_binding: bytes
    replay_until: datetime
    idle_expires_at: datetime
    now: datetime
    event: Event


class FamilyStore(Protocol):
    async def find(self, family_id: uuid.UUID) -> Family | None: ...

    async def rotate(self, rotation: Rotation) -> bool:
        """One atomic claim: True for exactly one use of the live token."""
        ...

    async def revoke(
        self, family_id: uuid.UUID, reason: str, now: datetime, event: Event, client_id: uuid.UUID | None = None
    ) -> bool:
        """True (and the event written) if it was live, and `client_id`'s where that is given."""
        ...


class TokenStanding(Protocol):
    """Whether what a genuine, unexpired access token rests on still stands."""

    async def stands(
        self,
        jti: uuid.UUID,
        *,
        client_id: str,
        user_id: uuid.UUID | None,
        session_id: uuid.UUID | None,
        grant_id: uuid.UUID | None,
    ) -> bool: ...

    async def revoke(self, jti: uuid.UUID, expires_at: datetime, now: datetime, event: Event) -> bool: ...


@dataclass(frozen=True, slots=True)
class Person:
    """What userinfo tells of a user."""

    email: str | None
    email_verified: bool
    profile: dict[str, object]


class People(Protocol):
    async def find_active(self, user_id: uuid.UUID) -> Person | None: ...
