"""The session behind a cookie: "cannot tell" is raised and never answered as "no"."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.ids import new_id
from shared.secret_format import SESSION_COOKIE, make_secret, sha256
from token_core.errors import TemporarilyUnavailable
from token_core.sessions.cookies import Credential
from token_core.sessions.current import TOUCH_AFTER, current_session, end_session
from token_core.sessions.guesses import GuessLimits
from token_core.sessions.policy import SignInPolicy
from token_core.sessions.visitor import Visitor
from token_core.storage.sign_in_ports import CurrentSession

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = SignInPolicy(b"b" * 32, b"p" * 32, b"l" * 32, timedelta(hours=1), timedelta(days=1), GuessLimits())
COOKIE = Credential(new_id(), make_secret(SESSION_COOKIE))
SESSION = CurrentSession(
    COOKIE.id, new_id(), "ada@example.com", sha256(COOKIE.secret), None, NOW - timedelta(hours=1), ("pwd",), None, NOW
)
VISITOR = Visitor("192.0.2.1", None, COOKIE, ())


@dataclass
class Store:
    session: CurrentSession | None = SESSION
    is_down: bool = False
    asked: list[datetime] = field(default_factory=list)
    touched: list[datetime] = field(default_factory=list)

    async def find_session(self, session_id, now: datetime, idle_since: datetime) -> CurrentSession | None:
        if self.is_down:
            raise TemporarilyUnavailable
        self.asked.append(idle_since)
        return self.session

    async def touch_session(self, session_id, now: datetime) -> None:
        self.touched.append(now)


@dataclass
class Work:
    is_live: bool = True
    families: tuple = ()
    events: list = field(default_factory=list)

    async def end_session(self, session_id, reason: str) -> bool:
        return self.is_live

    async def revoke_online_families(self, session_id, reason: str):
        return self.families

    async def record(self, event_type, payload, **named) -> None:
        self.events.append((str(event_type), payload))


async def test_the_cookies_secret_is_compared_and_not_its_id_alone() -> None:
    assert await current_session(Store(), POLICY, VISITOR, NOW) == SESSION
    stolen = replace(VISITOR, session=Credential(COOKIE.id, make_secret(SESSION_COOKIE)))
    assert await current_session(Store(), POLICY, stolen, NOW) is None


async def test_without_a_cookie_nobody_is_asked() -> None:
    store = Store(is_down=True)
    assert await current_session(store, POLICY, replace(VISITOR, session=None), NOW) is None


async def test_a_store_that_is_down_signs_nobody_out() -> None:
    with pytest.raises(TemporarilyUnavailable):
        await current_session(Store(is_down=True), POLICY, VISITOR, NOW)


async def test_idle_time_is_the_policys() -> None:
    store = Store()
    await current_session(store, POLICY, VISITOR, NOW)
    assert store.asked == [NOW - POLICY.session_idle]


async def test_using_a_session_writes_once_a_minute_at_most() -> None:
    store = Store()
    await current_session(store, POLICY, VISITOR, NOW + TOUCH_AFTER)
    assert store.touched == []
    await current_session(store, POLICY, VISITOR, NOW + TOUCH_AFTER + timedelta(seconds=1))
    assert len(store.touched) == 1


async def test_a_wrong_secret_keeps_no_session_alive() -> None:
    store = Store()
    stolen = replace(VISITOR, session=Credential(COOKIE.id, make_secret(SESSION_COOKIE)))
    await current_session(store, POLICY, stolen, NOW + timedelta(minutes=5))
    assert store.touched == []


async def test_ending_a_session_tells_of_it_and_of_each_family_that_ends_with_it() -> None:
    work = Work(families=(new_id(), new_id()))
    assert await end_session(work, COOKIE.id, SESSION.user_id, reason="signed_out", actor="a")
    assert [event_type for event_type, _ in work.events] == ["session.ended", "token.revoked", "token.revoked"]


async def test_a_session_that_ended_already_is_told_of_once() -> None:
    work = Work(is_live=False, families=(new_id(),))
    assert not await end_session(work, COOKIE.id, SESSION.user_id, reason="signed_out", actor="a")
    assert work.events == []
