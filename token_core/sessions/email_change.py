"""Another e-mail address: true once the old and the new one agreed, and taken back by the old one for a week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from events.payloads.account import (
    EmailChangeCompleted,
    EmailChangeConfirmed,
    EmailChangeRequested,
    EmailChangeReverted,
)
from events.payloads.sign_in import DeviceRemoved, SessionEnded
from events.payloads.user import UserDetails, UserUpdated
from events.types import EventType
from shared.clock import Clock, utc_now
from shared.email_links import read_link_token
from shared.identity.email import canonical_email
from shared.ids import new_id
from token_core.sessions import guesses
from token_core.sessions.current import record_revoked_families
from token_core.storage.account_ports import EmailTakenError
from token_core.storage.sign_in_ports import Link, LinkState, NewMail

if TYPE_CHECKING:
    import uuid

    from token_core.sessions.policy import SignInPolicy
    from token_core.sessions.visitor import Visitor
    from token_core.storage.account_ports import AccountStore, AccountTransaction, EmailChange
    from token_core.storage.sign_in_ports import CurrentSession, SignInStore

CONFIRM, UNDO = "confirm_email_change", "undo_email_change"
CONFIRM_LIFETIME = timedelta(hours=24)
UNDO_LIFETIME = timedelta(days=7)
_REVERTED = "email_change_reverted"


class Wish(StrEnum):
    MAILED = "mailed"
    SAME = "same"
    TOO_OFTEN = "too_often"


class Answer(StrEnum):
    WAITING = "waiting"  # for the other address
    DONE = "done"
    TAKEN = "taken"  # another account has it; whoever hears this owns the mailbox


class _Nothing(Exception):
    """Leaves the transaction without a trace."""


@dataclass(frozen=True, slots=True)
class EmailChanges:
    store: AccountStore
    links: SignInStore
    policy: SignInPolicy
    clock: Clock = utc_now

    async def wish(self, session: CurrentSession, email: str, visitor: Visitor) -> Wish:
        """Mail both addresses. Whether another account has the new one is not told here, nor by the mails.

        Raises:
            shared.identity.email.InvalidEmail: it is no address.
        """
        canonical = canonical_email(email)
        if canonical == canonical_email(session.email):
            return Wish.SAME
        now, change_id, subject = self.clock(), new_id(), str(session.user_id)
        for identifier in (subject, canonical):
            key = guesses.mail_key(self.policy.budget_key, CONFIRM, identifier)
            limit = self.policy.guesses.per_window(key.budget)
            if not await self.links.reserve(key.key, guesses.window_start(now), limit):
                return Wish.TOO_OFTEN
        async with self.store.transaction(now) as work:
            if not await work.lock_active_user(session.user_id):
                return Wish.TOO_OFTEN
            expires_at = now + CONFIRM_LIFETIME
            await work.wish_for_email(change_id, session.user_id, email, canonical, expires_at)
            payload = EmailChangeRequested(change_id=str(change_id))
            await work.record(
                EventType.EMAIL_CHANGE_REQUESTED, payload, subject=subject, actor=subject, session_id=session.id,
                origin=visitor.origin,
            )  # fmt: skip
            for side in ("old", "new"):
                parameters = {"change": str(change_id), "to": side}
                await work.queue_mail(
                    NewMail(new_id(), session.user_id, "email_change", parameters, CONFIRM, expires_at)
                )
        return Wish.MAILED

    async def look(self, token: str, purpose: str) -> Link:
        email_id = read_link_token(self.policy.link_key, token, purpose)
        if email_id is None:
            return Link(LinkState.UNKNOWN, None, None)
        return await self.links.look_at_link(email_id, purpose, self.clock())

    async def confirm(self, token: str, visitor: Visitor) -> LinkState | Answer:
        """One of both addresses agrees; the second one's word makes the change."""
        email_id = read_link_token(self.policy.link_key, token, CONFIRM)
        if email_id is None:
            return LinkState.UNKNOWN
        try:
            async with self.store.transaction(self.clock()) as work:
                return await self._confirm(work, email_id, visitor)
        except EmailTakenError:
            return Answer.TAKEN
        except _Nothing:
            state = (await self.look(token, CONFIRM)).state
            return LinkState.VOID if state is LinkState.LIVE else state

    async def revert(self, token: str, visitor: Visitor) -> LinkState | Answer:
        """The old address again; everything that was open, and the password, ends: who knows who had them."""
        email_id = read_link_token(self.policy.link_key, token, UNDO)
        if email_id is None:
            return LinkState.UNKNOWN
        try:
            async with self.store.transaction(self.clock()) as work:
                await self._revert(work, email_id, visitor)
        except EmailTakenError:
            return Answer.TAKEN
        except _Nothing:
            state = (await self.look(token, UNDO)).state
            return LinkState.VOID if state is LinkState.LIVE else state
        return Answer.DONE

    async def _confirm(self, work: AccountTransaction, email_id: uuid.UUID, visitor: Visitor) -> Answer:
        user_id = await work.spend_link(email_id, CONFIRM)
        if user_id is None or not await work.lock_active_user(user_id):
            raise _Nothing
        confirmed = await work.confirm_email(email_id)
        if confirmed is None:
            raise _Nothing
        change, side = confirmed
        subject = str(user_id)
        payload = EmailChangeConfirmed(change_id=str(change.id), side=side)
        await work.record(
            EventType.EMAIL_CHANGE_CONFIRMED, payload, subject=subject, actor=subject, origin=visitor.origin
        )
        if not (change.is_confirmed_by_old and change.is_confirmed_by_new):
            return Answer.WAITING
        if not await work.complete_email_change(change):
            raise _Nothing
        await _record_address(work, change, change.new_email)
        await work.record(
            EventType.EMAIL_CHANGE_COMPLETED, EmailChangeCompleted(change_id=str(change.id)), subject=subject,
            actor=subject, origin=visitor.origin,
        )  # fmt: skip
        parameters = {"change": str(change.id), "to": "old"}
        until = self.clock() + UNDO_LIFETIME
        await work.queue_mail(NewMail(new_id(), user_id, "email_changed", parameters, UNDO, until))
        return Answer.DONE

    async def _revert(self, work: AccountTransaction, email_id: uuid.UUID, visitor: Visitor) -> None:
        user_id = await work.spend_link(email_id, UNDO)
        if user_id is None or not await work.lock_active_user(user_id):
            raise _Nothing
        change = await work.revert_email_change(email_id)
        if change is None:
            raise _Nothing
        subject = str(user_id)
        await _record_address(work, change, change.old_email)
        await work.record(
            EventType.EMAIL_CHANGE_REVERTED, EmailChangeReverted(change_id=str(change.id)), subject=subject,
            actor=subject, origin=visitor.origin,
        )  # fmt: skip
        ended = await work.end_access(user_id, _REVERTED)
        for session_id in ended.session_ids:
            payload = SessionEnded(reason=_REVERTED)
            await work.record(EventType.SESSION_ENDED, payload, subject=subject, actor=subject, session_id=session_id)
        await record_revoked_families(work, ended.family_ids, subject=subject, actor=subject, reason=_REVERTED)
        for device_id in await work.remove_devices(user_id):
            removed = DeviceRemoved(device_id=str(device_id), reason=_REVERTED)
            await work.record(EventType.DEVICE_REMOVED, removed, subject=subject, actor=subject)
        lifetime = self.policy.reset_link_lifetime
        await work.queue_mail(NewMail(new_id(), user_id, "password_reset", {}, "set_password", self.clock() + lifetime))


async def _record_address(work: AccountTransaction, change: EmailChange, email: str) -> None:
    subject = str(change.user_id)
    await work.record(
        EventType.USER_UPDATED, UserUpdated(fields=("email",)), subject=subject, actor=subject,
        origin=UserDetails(email=email),
    )  # fmt: skip
