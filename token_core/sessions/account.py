"""What a signed-in person changes of their own account: each change with its events, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from events.payloads.account import UserDataExported
from events.payloads.authorization import ConsentRevoked
from events.payloads.sign_in import DeviceRemoved, PasswordSet, SessionEnded
from events.types import EventType
from shared.clock import Clock, utc_now
from shared.identity.password_policy import normal_password
from shared.ids import new_id
from token_core.sessions import guesses
from token_core.sessions.current import record_revoked_families
from token_core.sessions.sign_in import Refusal
from token_core.storage.sign_in_ports import NewMail

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Any

    from token_core.sessions.hashing_pool import HashingPool
    from token_core.sessions.policy import SignInPolicy
    from token_core.sessions.sign_in import SignIns
    from token_core.sessions.visitor import Visitor
    from token_core.storage.account_ports import AccountStore, AccountTransaction
    from token_core.storage.sign_in_ports import CurrentSession, Ended, SignInStore

RECENT = timedelta(minutes=5)
ENDED = "ended_by_person"
_PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason


class Busy(StrEnum):
    TOO_OFTEN = "too_often"


def is_recent(session: CurrentSession, now: datetime) -> bool:
    """Whether the person proved who they are just now: an open browser alone is not enough for what lasts."""
    return now - session.authenticated_at <= RECENT


@dataclass(frozen=True, slots=True)
class Accounts:
    store: AccountStore
    budgets: SignInStore
    sign_ins: SignIns
    hashing: HashingPool
    policy: SignInPolicy
    clock: Clock = utc_now

    async def change_password(
        self, session: CurrentSession, current: str, new: str, visitor: Visitor
    ) -> Refusal | None:
        """None: the (already checked) password is set, and whatever was open elsewhere is closed.

        Raises:
            HashingOverloaded: try again.
        """
        proved = await self.sign_ins.prove(session.email, current, visitor)
        if isinstance(proved, Refusal):
            return proved
        if proved.account.user_id != session.user_id:
            return Refusal.BAD_CREDENTIALS
        hashed = await self.hashing.hash(normal_password(new))
        user_id, subject = session.user_id, str(session.user_id)
        async with self.store.transaction(self.clock()) as work:
            if not await work.lock_credentials(user_id, proved.account.credentials_changed_at):
                return Refusal.BAD_CREDENTIALS
            await work.set_password(user_id, hashed)
            await work.record(
                EventType.PASSWORD_SET, PasswordSet(by="change"), subject=subject, actor=subject,
                session_id=session.id, origin=visitor.origin,
            )  # fmt: skip
            await _record_ended(
                work, session, await work.end_access(user_id, _PASSWORD_CHANGED, session.id), _PASSWORD_CHANGED
            )
            await work.queue_mail(NewMail(new_id(), user_id, "security_notice", {"what": _PASSWORD_CHANGED}))
        return None

    async def end_place(self, session: CurrentSession, place_id: uuid.UUID, visitor: Visitor) -> bool:
        """Sign one of the person's own browsers out, what it holds included, and know it no more. False: none such."""
        async with self.store.transaction(self.clock()) as work:
            ended = await work.end_place(session.user_id, place_id, ENDED)
            removed = await work.remove_devices(session.user_id, only=place_id)
            await _record_ended(work, session, ended, ENDED)
            await _record_removed(work, session, removed, visitor)
        return bool(ended.session_ids or removed)

    async def end_others(self, session: CurrentSession, visitor: Visitor) -> None:
        """All but this session."""
        async with self.store.transaction(self.clock()) as work:
            await _record_ended(work, session, await work.end_access(session.user_id, ENDED, session.id), ENDED)
            removed = await work.remove_devices(session.user_id, but=session.device_id)
            await _record_removed(work, session, removed, visitor)

    async def revoke_access(self, session: CurrentSession, client_id: str) -> bool:
        """Take back what a client was allowed, and what it holds. False: there was nothing."""
        subject, reason = str(session.user_id), "consent_revoked"
        async with self.store.transaction(self.clock()) as work:
            was_allowed, families = await work.revoke_access(session.user_id, client_id, reason)
            if was_allowed:
                await work.record(
                    EventType.CONSENT_REVOKED, ConsentRevoked(client_id=client_id), subject=subject, actor=subject,
                    client_id=client_id, session_id=session.id,
                )  # fmt: skip
            await record_revoked_families(work, families, subject=subject, actor=subject, reason=reason)
        return was_allowed or bool(families)

    async def export(self, session: CurrentSession, visitor: Visitor) -> dict[str, Any] | Busy:
        """All that Postgres has of the person; that it was taken is recorded first."""
        now, subject = self.clock(), str(session.user_id)
        key = guesses.mail_key(self.policy.budget_key, "export", subject)
        limit = self.policy.guesses.per_window(key.budget)
        if not await self.budgets.reserve(key.key, guesses.window_start(now), limit):
            return Busy.TOO_OFTEN
        async with self.store.transaction(now) as work:
            await work.record(
                EventType.USER_DATA_EXPORTED, UserDataExported(), subject=subject, actor=subject,
                session_id=session.id, origin=visitor.origin,
            )  # fmt: skip
        return {"made_at": now.isoformat(), **await self.store.everything(session.user_id)}


async def _record_ended(work: AccountTransaction, session: CurrentSession, ended: Ended, reason: str) -> None:
    subject = str(session.user_id)
    for session_id in ended.session_ids:
        await work.record(
            EventType.SESSION_ENDED, SessionEnded(reason=reason), subject=subject, actor=subject, session_id=session_id
        )
    await record_revoked_families(work, ended.family_ids, subject=subject, actor=subject, reason=reason)


async def _record_removed(
    work: AccountTransaction, session: CurrentSession, devices: Iterable[uuid.UUID], visitor: Visitor
) -> None:
    subject = str(session.user_id)
    for device_id in devices:
        await work.record(
            EventType.DEVICE_REMOVED, DeviceRemoved(device_id=str(device_id), reason=ENDED), subject=subject,
            actor=subject, session_id=session.id, origin=visitor.origin,
        )  # fmt: skip
