"""A sign-in with a password: count, then hash, then compare, in the same way whether the account exists or not (P8)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from events.envelope import ANONYMOUS, Event
from events.payloads.sign_in import PasswordSet, SignInFailed, SignInSucceeded
from events.record import build_event
from events.types import EventType
from shared.clock import Clock, utc_now
from shared.identity.password_policy import normal_password
from shared.ids import new_id
from shared.logging import request_id
from shared.secret_format import DEVICE_COOKIE, SESSION_COOKIE, make_secret, sha256
from token_core.sessions import guesses
from token_core.sessions.cookies import Credential
from token_core.sessions.current import end_session
from token_core.sessions.guesses import Budget, BudgetKey
from token_core.sessions.hashing_pool import HashingOverloaded, HashingPool
from token_core.sessions.identifier import comparable
from token_core.storage.sign_in_ports import Account, CurrentSession, NewSession, SignInStore

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from token_core.sessions.policy import SignInPolicy
    from token_core.sessions.visitor import Visitor

AMR_PASSWORD = "pwd"  # noqa: S105 - RFC 8176


class FailureRecorder(Protocol):
    async def record_failure(self, event: Event, reason: str) -> None: ...


class Refusal(StrEnum):
    BAD_CREDENTIALS = "bad_credentials"
    CONFIRM_BY_MAIL = "throttled"  # the account's budget is used up: from a new device only with a mail's help
    TOO_MANY_FROM_ADDRESS = "address_throttled"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Both credentials go to the browser and are nowhere else. `device` is None where it is known already."""

    user_id: uuid.UUID
    session: Credential
    device: Credential | None


@dataclass(frozen=True, slots=True)
class Proved:
    """The account whose password was right, and its hash as it was then."""

    account: Account
    password_hash: str
    is_outdated: bool


@dataclass(frozen=True, slots=True)
class SignIns:
    store: SignInStore
    hashing: HashingPool
    policy: SignInPolicy
    failures: FailureRecorder
    clock: Clock = utc_now

    async def attempt(
        self, email: str, password: str, visitor: Visitor, current: CurrentSession | None = None
    ) -> SignedIn | Refusal:
        """One attempt. `current` is the session that the browser has now: another person's ends with the new one.

        Raises:
            HashingOverloaded: too many at once; nothing was counted.
            TemporarilyUnavailable: Postgres can't be asked.
        """
        proved = await self.prove(email, password, visitor)
        if isinstance(proved, Refusal):
            return proved
        new_hash = await self._renewed(normal_password(password)) if proved.is_outdated else None
        signed_in = await self._begin(proved.account, proved.password_hash, new_hash, visitor, current)
        if signed_in is None:
            now = self.clock()
            await self._record_failure(Refusal.BAD_CREDENTIALS, proved.account, comparable(email), visitor, now)
            return Refusal.BAD_CREDENTIALS
        return signed_in

    async def prove(self, email: str, password: str, visitor: Visitor) -> Proved | Refusal:
        """Whether this is the account's password: counted as a guess before it is compared, recorded where it is wrong.

        Raises:
            HashingOverloaded: too many at once; nothing was counted.
            TemporarilyUnavailable: Postgres can't be asked.
        """
        identifier, password = comparable(email), normal_password(password)
        now = self.clock()
        account = await self.store.find_account(
            identifier, [device.id for device in visitor.devices], [sha256(device.secret) for device in visitor.devices]
        )
        device_id = account.device_id if account else None
        spent = await self._reserve(self._budgets(identifier, visitor, device_id), now)
        if isinstance(spent, Budget):
            refusal = Refusal.TOO_MANY_FROM_ADDRESS if spent is Budget.ADDRESS else Refusal.CONFIRM_BY_MAIL
            await self._record_failure(refusal, account, identifier, visitor, now)
            return refusal
        hashed = account.password_hash if account else None
        try:
            verified = await self.hashing.verify(password, hashed, is_known_device=device_id is not None)
        except HashingOverloaded:
            await self._give_back(spent, now)
            raise
        if account is None or hashed is None or not verified.matches or not account.is_active:
            reason = "disabled" if account and verified.matches else Refusal.BAD_CREDENTIALS
            await self._record_failure(reason, account, identifier, visitor, now)
            return Refusal.BAD_CREDENTIALS
        await self._give_back(spent, now)
        return Proved(account, hashed, is_outdated=verified.outdated)

    def _budgets(self, identifier: str, visitor: Visitor, device_id: uuid.UUID | None) -> list[BudgetKey]:
        key = self.policy.budget_key
        if device_id is not None:
            return [guesses.device_key(key, device_id)]
        return [guesses.address_key(key, visitor.address), guesses.account_key(key, identifier)]

    async def _reserve(self, keys: list[BudgetKey], now: datetime) -> list[BudgetKey] | Budget:
        """Count the guess against each budget before it is made; the first that has no room."""
        window = guesses.window_start(now)
        for key in keys:
            limit = self.policy.guesses.per_window(key.budget)
            if not await self.store.reserve(key.key, window, limit):
                return key.budget
        return keys

    async def _give_back(self, keys: list[BudgetKey], now: datetime) -> None:
        """What was not a wrong guess doesn't count."""
        for key in keys:
            await self.store.give_back(key.key, guesses.window_start(now))

    async def _renewed(self, password: str) -> str | None:
        """Rehash under the parameters of today; another time, if there is no room now."""
        with contextlib.suppress(HashingOverloaded):
            return await self.hashing.hash(password)
        return None

    async def _begin(
        self, account: Account, old_hash: str, new_hash: str | None, visitor: Visitor, current: CurrentSession | None
    ) -> SignedIn | None:
        """A session with a new id, and this browser known from now on; what it tells of is durable with it.

        None where the password or the account ended while it was hashed: what ended them can't have ended this session.
        """
        now, subject = self.clock(), str(account.user_id)
        session = Credential(new_id(), make_secret(SESSION_COOKIE))
        device = None if account.device_id else Credential(new_id(), make_secret(DEVICE_COOKIE))
        async with self.store.transaction(now) as work:
            if not await work.lock_unchanged(account):
                return None
            if current is not None and current.user_id != account.user_id:
                await end_session(work, current.id, current.user_id, reason="replaced", actor=subject)
            if device is not None:
                await work.insert_device(device.id, account.user_id, sha256(device.secret))
            elif account.device_id is not None:
                await work.touch_device(account.device_id)
            row = NewSession(
                id=session.id,
                user_id=account.user_id,
                secret_hash=sha256(session.secret),
                device_id=account.device_id or (device.id if device else None),
                authenticated_at=now,
                amr=(AMR_PASSWORD,),
                expires_at=now + self.policy.session_lifetime,
            )
            await work.insert_session(row, visitor.origin)
            if new_hash is not None and await work.renew_hash(account.user_id, old_hash, new_hash):
                await work.record(EventType.PASSWORD_SET, PasswordSet(by="rehash"), subject=subject, actor=subject)
            payload = SignInSucceeded(
                amr=(AMR_PASSWORD,),
                device_known=account.device_id is not None,
                address_hash=self.policy.address_hash(visitor.address),
            )
            await work.record(
                EventType.SIGN_IN_SUCCEEDED, payload, subject=subject, actor=subject, session_id=session.id,
                origin=visitor.origin,
            )  # fmt: skip
        return SignedIn(account.user_id, session, device)

    async def _record_failure(
        self, reason: str, account: Account | None, identifier: str, visitor: Visitor, now: datetime
    ) -> None:
        """The same for a person and for nobody: no look-up of a key that only a person has."""
        payload = SignInFailed(
            reason=str(reason),
            identifier_hash=self.policy.identifier_hash(identifier),
            address_hash=self.policy.address_hash(visitor.address),
        )
        event = build_event(
            EventType.SIGN_IN_FAILED,
            payload=payload,
            subject=str(account.user_id) if account else ANONYMOUS,
            actor=ANONYMOUS,
            now=now,
            event_id=new_id(),
            request_id=request_id.get(),
        )
        await self.failures.record_failure(event, str(reason))
