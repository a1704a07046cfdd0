"""P8: distributed guessing locks nobody out, and gets no more than the stated number of guesses an hour."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fixtures.hosted_pages import Person, running_hosted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.engines import RunningPostgres, RunningRedis
    from tests.fixtures.hosted_pages import Hosted

STATED_GUESSES_AN_HOUR = 20


def guess(hosted: Hosted, person: Person, count: int) -> list[int]:
    """From as many addresses, at once; the answers' statuses."""

    def one(number: int) -> int:
        return hosted.browser().sign_in(person, password=f"guess {number}").status_code

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(count)))


def test_p8_the_owner_signs_in_at_the_first_try_while_strangers_guess(hosted: Hosted) -> None:
    person, owner = hosted.person(), hosted.browser()
    assert owner.sign_in(person).status_code == 200
    owner.http.cookies.delete("session", domain="localhost.local")
    statuses = guess(hosted, person, 60)
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= STATED_GUESSES_AN_HOUR
    assert "You are signed in" in owner.sign_in(person).text


def test_p8_every_guess_that_was_hashed_was_counted_before(hosted: Hosted) -> None:
    person = hosted.person()
    statuses = guess(hosted, person, 40)
    failed = [event for event in hosted.every_event() if event["subject"] == str(person.id)]
    reasons = [json.loads(event["payload"])["reason"] for event in failed if event["type"] == "sign_in.failed"]
    assert reasons.count("bad_credentials") == statuses.count(401) <= STATED_GUESSES_AN_HOUR


def test_p8_the_right_password_from_a_new_device_has_to_be_confirmed_by_mail(hosted: Hosted) -> None:
    person = hosted.person()
    hosted.use_up_guesses(person)
    browser = hosted.browser()
    answer = browser.sign_in(person)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "confirmed by e-mail" in answer.text
    assert browser.cookie("session") is None


def test_p8_an_account_that_does_not_exist_is_throttled_the_same_way(hosted: Hosted) -> None:
    person = hosted.person()
    nobody = Person(person.id, "nobody-at-all@example.com")
    taken = [hosted.use_up_guesses(person), hosted.use_up_guesses(nobody)]
    assert taken[0] == taken[1]
    pages = [hosted.browser().sign_in(one, password="x") for one in (person, nobody)]
    texts = [
        re.sub(r'name="form_token" value="[^"]*"', "", page.text).replace(one.email, "")
        for page, one in zip(pages, (person, nobody), strict=True)
    ]
    assert texts[0] == texts[1]
    names = [sorted(name for name in page.headers if name not in {"date", "x-request-id"}) for page in pages]
    assert names[0] == names[1]


def test_p8_the_mailed_link_opens_the_way_for_the_owners_new_device(hosted: Hosted) -> None:
    person = hosted.person()
    hosted.use_up_guesses(person)
    browser = hosted.browser()
    fields = browser.page("/sign-in").fields() | {"email": person.email}
    browser.http.post("/device/trust/request", data=fields)
    browser.submit(browser.page("/device/trust", token=hosted.latest_link(person, "trust_device") or ""))
    assert "You are signed in" in browser.sign_in(person).text


def test_p8_a_known_device_has_a_budget_of_its_own(hosted: Hosted) -> None:
    person, stolen = hosted.person(), hosted.browser()
    stolen.sign_in(person)
    stolen.http.cookies.delete("session", domain="localhost.local")
    statuses = [stolen.sign_in(person, password=f"guess {number}").status_code for number in range(30)]
    assert statuses.count(401) <= STATED_GUESSES_AN_HOUR
    assert statuses[-1] == 429
    assert "You are signed in" in hosted.browser().sign_in(person).text, "others are not touched by it"


def test_p8_signing_in_rightly_uses_nothing_up(hosted: Hosted) -> None:
    person = hosted.person()
    assert [hosted.browser().sign_in(person).status_code for _ in range(STATED_GUESSES_AN_HOUR + 5)] == [200] * 25


def test_p8_budgets_are_kept_under_keyed_hashes_only(hosted: Hosted) -> None:
    person = hosted.person()
    hosted.browser().sign_in(person, password="wrong")
    keys = [bytes(row[0]) for row in hosted.rows("SELECT key FROM guess_budgets")]
    assert keys
    assert all(len(key) == 32 for key in keys)


@pytest.fixture(scope="module")
def strict(
    postgres_server: RunningPostgres,
    migrated_template: str,
    redis_server: RunningRedis,
    kms_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hosted]:
    folder: Path = tmp_path_factory.mktemp("strict")
    limits = {"GUESSES_PER_ADDRESS_AND_HOUR": "12"}
    with running_hosted(
        postgres_server, migrated_template, redis_server.url, kms_environment, folder, **limits
    ) as running:
        yield running


def test_p8_one_address_gets_its_own_budget_over_all_accounts(strict: Hosted) -> None:
    person, known = strict.person(), strict.browser("2001:db8:1:1::7")
    known.sign_in(person)
    known.http.cookies.delete("session", domain="localhost.local")
    statuses = []
    for number in range(20):
        sprayer = strict.browser(f"2001:db8:1:1::{number + 16:x}")  # one /64 is one budget
        statuses.append(sprayer.sign_in(strict.person(), password="Summer2026!!").status_code)
    assert statuses.count(401) <= 12
    assert statuses[-1] == 429
    assert strict.browser("2001:db8:1:2::1").sign_in(strict.person()).status_code == 200, "the next /64 is another's"
    assert "You are signed in" in known.sign_in(person).text, "a known device behind the same address is not touched"


def test_p8_budgets_survive_a_race(hosted: Hosted) -> None:
    """Reserved in one statement: of many at once no more get through than there is room for."""
    from datetime import UTC, datetime

    from token_core.storage.postgres_sign_in import _RESERVE

    window = datetime(2026, 11, 1, tzinfo=UTC)

    def reserve(_: int) -> bool:
        with psycopg.connect(hosted.dsn, autocommit=True) as connection:
            return connection.execute(_RESERVE, (b"race", window, 10)).fetchone() is not None

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(reserve, range(64))) == 10
