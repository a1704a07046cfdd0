"""P8 and RFC 9700: one story for everybody, whether the account exists or not. The rows: tests/flows/test_sign_in_pages.py."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.ids import new_id
from token_core.sessions.cookies import Credential
from token_core.sessions.guesses import GuessLimits
from token_core.sessions.hashing_pool import HashingOverloaded, Verification
from token_core.sessions.policy import SignInPolicy
from token_core.sessions.sign_in import Refusal, SignedIn, SignIns
from token_core.sessions.visitor import Visitor
from token_core.storage.sign_in_ports import Account

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
EMAIL, PASSWORD, HASH = "ada@example.com", "my dog ate 7 shoes", "phc"
LIMITS = GuessLimits(account_per_hour=6, device_per_hour=6, address_per_hour=20)
POLICY = SignInPolicy(b"b" * 32, b"p" * 32, b"l" * 32, timedelta(hours=1), timedelta(days=1), LIMITS)
ACCOUNT = Account(new_id(), is_active=True, password_hash=HASH, device_id=None, credentials_changed_at=None)
STRANGER = Visitor("192.0.2.1", "browser", None, ())


@dataclass
class World:
    """The store, the hashing pool and the recorder of failures, in memory."""

    account: Account | None = ACCOUNT
    outdated: bool = False
    overloaded: bool = False
    used: Counter[bytes] = field(default_factory=Counter)
    hashed: list[str | None] = field(default_factory=list)
    failures: list[Any] = field(default_factory=list)
    written: list[tuple[str, Any]] = field(default_factory=list)

    async def find_account(self, email_canonical: str, device_ids: Any, device_hashes: Any) -> Account | None:
        if self.account is None or email_canonical != EMAIL:
            return None
        return replace(self.account, device_id=device_ids[0] if device_ids else None)

    async def reserve(self, key: bytes, window_start: datetime, limit: int) -> bool:
        if self.used[key] >= limit:
            return False
        self.used[key] += 1
        return True

    async def give_back(self, key: bytes, window_start: datetime) -> None:
        self.used[key] -= 1

    async def verify(self, password: str, hashed: str | None, *, is_known_device: bool) -> Verification:
        if self.overloaded:
            raise HashingOverloaded
        self.hashed.append(hashed)
        return Verification(matches=hashed is not None and password == PASSWORD, outdated=self.outdated)

    async def hash(self, password: str, *, is_known_device: bool = True) -> str:
        return "new"

    async def record_failure(self, event: Any, reason: str) -> None:
        self.failures.append((event, reason))

    @asynccontextmanager
    async def transaction(self, now: datetime):
        yield self

    def __getattr__(self, name: str):
        """What the transaction is told, by name; every statement finds what it looks for."""

        async def told(*arguments: Any, **named: Any) -> bool:
            self.written.append((name, (*arguments, *named.values())))
            return True

        return told

    @property
    def guesses_counted(self) -> int:
        return sum(self.used.values())

    async def attempt(self, password: str = "wrong password", email: str = EMAIL, visitor: Visitor = STRANGER):
        return await SignIns(self, self, POLICY, self, lambda: NOW).attempt(email, password, visitor)


def known_browser() -> Visitor:
    return replace(STRANGER, devices=(Credential(new_id(), "ap_dv_x"),))


async def test_the_right_password_begins_a_session_with_an_id_that_nobody_had() -> None:
    one, two = await World().attempt(PASSWORD), await World().attempt(PASSWORD)
    assert isinstance(one, SignedIn) and isinstance(two, SignedIn)
    assert one.session.id != two.session.id and one.session.secret != two.session.secret
    assert one.device is not None


@pytest.mark.parametrize(
    "account", [None, replace(ACCOUNT, password_hash=None), ACCOUNT, replace(ACCOUNT, is_active=False)]
)
async def test_whoever_can_not_sign_in_hears_the_same_for_the_same_work(account: Account | None) -> None:
    world = World(account)
    assert await world.attempt() is Refusal.BAD_CREDENTIALS
    assert len(world.hashed) == 1 and world.guesses_counted == 2 and world.written == []


async def test_a_disabled_persons_right_password_is_told_to_the_log_alone() -> None:
    world = World(replace(ACCOUNT, is_active=False))
    assert await world.attempt(PASSWORD) is Refusal.BAD_CREDENTIALS
    assert [reason for _, reason in world.failures] == ["disabled"]


@pytest.mark.parametrize("account", [None, ACCOUNT])
async def test_guesses_run_out_for_an_account_and_for_nobody_alike(account: Account | None) -> None:
    world = World(account)
    answers = [await world.attempt() for _ in range(5)]
    assert answers == [Refusal.BAD_CREDENTIALS] * 3 + [Refusal.CONFIRM_BY_MAIL] * 2
    assert len(world.hashed) == 3


async def test_the_owner_signs_in_from_a_known_browser_whatever_strangers_guess() -> None:
    world = World()
    for _ in range(50):
        await world.attempt()
    signed_in = await world.attempt(PASSWORD, visitor=known_browser())
    assert isinstance(signed_in, SignedIn) and signed_in.device is None


async def test_a_known_browser_has_few_guesses_too() -> None:
    world, visitor = World(), known_browser()
    answers = [await world.attempt(visitor=visitor) for _ in range(4)]
    assert answers == [Refusal.BAD_CREDENTIALS] * 3 + [Refusal.CONFIRM_BY_MAIL]


async def test_an_address_that_tries_many_accounts_is_stopped() -> None:
    world = World()
    answers = [await world.attempt(email=f"person{number}@example.com") for number in range(12)]
    assert answers[-2:] == [Refusal.TOO_MANY_FROM_ADDRESS] * 2 and len(world.hashed) == 10


async def test_spellings_of_one_address_share_one_budget() -> None:
    world = World()
    spellings = ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@example.com ", "ada@Example.Com"]
    assert [await world.attempt(email=email) for email in spellings][-1] is Refusal.CONFIRM_BY_MAIL


async def test_what_was_no_wrong_guess_does_not_count() -> None:
    world = World()
    await world.attempt(PASSWORD)
    assert world.guesses_counted == 0
    world.overloaded = True
    with pytest.raises(HashingOverloaded):
        await world.attempt()
    assert world.guesses_counted == 0


async def test_a_failure_tells_neither_address_nor_identifier_nor_password() -> None:
    world = World()
    await world.attempt("my secret guess")
    ((event, _),) = world.failures
    text = event.to_json()
    assert not any(secret in text for secret in (EMAIL, "192.0.2.1", "my secret guess", HASH))
    payload = json.loads(event.payload)
    assert payload["identifier_hash"] == POLICY.identifier_hash(EMAIL)
    assert payload["address_hash"] == POLICY.address_hash("192.0.2.1")


async def test_the_store_gets_hashes_of_what_the_browser_gets() -> None:
    world = World()
    signed_in = await world.attempt(PASSWORD)
    assert isinstance(signed_in, SignedIn) and signed_in.device is not None
    text = str(world.written)
    assert signed_in.session.secret not in text and signed_in.device.secret not in text and PASSWORD not in text


async def test_an_outdated_hash_is_renewed_at_the_next_sign_in() -> None:
    world = World(outdated=True)
    await world.attempt(PASSWORD)
    assert ("renew_hash", (ACCOUNT.user_id, HASH, "new")) in world.written
