"""Links in mails: asked for without telling whether the account exists, opened as often as one likes, consumed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.envelope import ANONYMOUS
from events.payloads.sign_in import DeviceTrusted, EmailVerified, PasswordResetRequested, PasswordSet, SessionEnded
from events.types import EventType
from shared.clock import Clock, utc_now
from shared.email_links import read_link_token
from shared.identity.password_policy import normal_password
from shared.ids import new_id
from shared.secret_format import DEVICE_COOKIE, make_secret, sha256
from token_core.sessions import guesses
from token_core.sessions.cookies import Credential
from token_core.sessions.current import record_revoked_families
from token_core.sessions.identifier import comparable
from token_core.storage.sign_in_ports import Link, LinkState, NewMail, SignInStore

if TYPE_CHECKING:
    import uuid
    from datetime import datetime, timedelta

    from token_core.sessions.hashing_pool import HashingPool
    from token_core.sessions.policy import SignInPolicy
    from token_core.sessions.visitor import Visitor
    from token_core.storage.sign_in_ports import SignInTransaction

SET_PASSWORD, VERIFY_EMAIL, TRUST_DEVICE = "set_password", "verify_email", "trust_device"


@dataclass(frozen=True, slots=True)
class MailedLinks:
    store: SignInStore
    hashing: HashingPool
    policy: SignInPolicy
    clock: Clock = utc_now

    async def request_reset(self, email: str, visitor: Visitor) -> None:
        """A mail to set a new password, if the account exists and has room for a mail. Tells nothing either way."""
        mail = ("password_reset", SET_PASSWORD, self.policy.reset_link_lifetime)
        await self._request(email, visitor, *mail, records_request=True)

    async def request_device_link(self, email: str, visitor: Visitor) -> None:
        """A mail that makes the browser in which its link is opened known to the account. Tells nothing either way."""
        mail = ("trust_device", TRUST_DEVICE, self.policy.device_link_lifetime)
        await self._request(email, visitor, *mail, records_request=False)

    async def look(self, token: str, purpose: str) -> Link:
        """What the link is good for now. Changes nothing: mail programs open links too."""
        email_id = read_link_token(self.policy.link_key, token, purpose)
        if email_id is None:
            return Link(LinkState.UNKNOWN, None, None)
        return await self.store.look_at_link(email_id, purpose, self.clock())

    async def set_password(self, token: str, password: str, visitor: Visitor) -> tuple[LinkState, Credential | None]:
        """Consume the link and set the (already checked) password: all else that the old one opened ends with it.

        Returns the link's state, and this browser's credential where it was live.

        Raises:
            HashingOverloaded: try again; the link is still good.
        """
        link = await self.look(token, SET_PASSWORD)
        email_id = read_link_token(self.policy.link_key, token, SET_PASSWORD)
        if link.state is not LinkState.LIVE or email_id is None:
            return link.state, None
        hashed = await self.hashing.hash(normal_password(password))
        now, device = self.clock(), Credential(new_id(), make_secret(DEVICE_COOKIE))
        async with self.store.transaction(now) as work:
            user_id = await work.spend_link(email_id, SET_PASSWORD)
            if user_id is None or not await work.lock_active_user(user_id):
                return LinkState.SPENT, None
            subject = str(user_id)
            is_change = await work.set_password(user_id, hashed)
            await work.record(
                EventType.PASSWORD_SET, PasswordSet(by="link"), subject=subject, actor=subject, origin=visitor.origin
            )
            ended = await work.end_access(user_id, "password_changed")
            for session_id in ended.session_ids:
                payload = SessionEnded(reason="password_changed")
                await work.record(
                    EventType.SESSION_ENDED, payload, subject=subject, actor=subject, session_id=session_id
                )
            await record_revoked_families(
                work, ended.family_ids, subject=subject, actor=subject, reason="password_changed"
            )
            await _note_verified(work, user_id, email_id)
            await _trust(work, user_id, device)
            if is_change:  # who chooses a first one just came from the welcome mail
                await work.queue_mail(NewMail(new_id(), user_id, "security_notice", {"what": "password_changed"}))
        return LinkState.LIVE, device

    async def verify_email(self, token: str) -> LinkState:
        email_id = read_link_token(self.policy.link_key, token, VERIFY_EMAIL)
        if email_id is None:
            return LinkState.UNKNOWN
        async with self.store.transaction(self.clock()) as work:
            user_id = await work.spend_link(email_id, VERIFY_EMAIL)
            if user_id is not None:
                await _note_verified(work, user_id, email_id)
                return LinkState.LIVE
        return (await self.look(token, VERIFY_EMAIL)).state

    async def trust_device(self, token: str) -> tuple[LinkState, Credential | None]:
        email_id = read_link_token(self.policy.link_key, token, TRUST_DEVICE)
        if email_id is None:
            return LinkState.UNKNOWN, None
        device = Credential(new_id(), make_secret(DEVICE_COOKIE))
        async with self.store.transaction(self.clock()) as work:
            user_id = await work.spend_link(email_id, TRUST_DEVICE)
            if user_id is not None:
                await _trust(work, user_id, device)
                return LinkState.LIVE, device
        return (await self.look(token, TRUST_DEVICE)).state, None

    async def _request(
        self,
        email: str,
        visitor: Visitor,
        template: str,
        purpose: str,
        lifetime: timedelta,
        *,
        records_request: bool,
    ) -> None:
        identifier, now = comparable(email), self.clock()
        if not await self._has_room(purpose, identifier, visitor, now):
            return
        account = await self.store.find_account(identifier, [], [])
        is_theirs = account is not None and account.is_active
        async with self.store.transaction(now) as work:
            if account is not None and is_theirs:
                await work.queue_mail(NewMail(new_id(), account.user_id, template, {}, purpose, now + lifetime))
            if records_request:
                payload = PasswordResetRequested(
                    address_hash=self.policy.address_hash(visitor.address),
                    identifier_hash=None if is_theirs else self.policy.identifier_hash(identifier),
                )
                subject = str(account.user_id) if account is not None and is_theirs else ANONYMOUS
                await work.record(EventType.PASSWORD_RESET_REQUESTED, payload, subject=subject, actor=ANONYMOUS)

    async def _has_room(self, purpose: str, identifier: str, visitor: Visitor, now: datetime) -> bool:
        """Nobody's mailbox, and nobody's audit log, is filled from here."""
        keys = (
            guesses.address_key(self.policy.budget_key, visitor.address),
            guesses.mail_key(self.policy.budget_key, purpose, identifier),
        )
        for key in keys:
            limit = self.policy.guesses.per_window(key.budget)
            if not await self.store.reserve(key.key, guesses.window_start(now), limit):
                return False
        return True


async def _note_verified(work: SignInTransaction, user_id: uuid.UUID, email_id: uuid.UUID) -> None:
    """Whoever opened a link from the mailbox owns the address."""
    if await work.verify_email(user_id):
        payload = EmailVerified(email_id=str(email_id))
        await work.record(EventType.EMAIL_VERIFIED, payload, subject=str(user_id), actor=str(user_id))


async def _trust(work: SignInTransaction, user_id: uuid.UUID, device: Credential) -> None:
    await work.insert_device(device.id, user_id, sha256(device.secret))
    payload = DeviceTrusted(device_id=str(device.id))
    await work.record(EventType.DEVICE_TRUSTED, payload, subject=str(user_id), actor=str(user_id))
