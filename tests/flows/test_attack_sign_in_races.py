"""A sign-in that is on its way while what it rests on ends: the password, or the account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.fixtures.hosted_pages import Hosted, Person

NEW = "seven green bottles"
_WAITING = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'guess_budgets'::regclass
"""


@contextmanager
def overtaken_sign_in(hosted: Hosted, person: Person) -> Iterator[list[httpx.Response]]:
    """Inside the block a sign-in has read the account and waits; after it, its answer is in the list."""
    answers: list[httpx.Response] = []
    browser = hosted.browser()
    page = browser.page("/sign-in")
    with ThreadPoolExecutor(1) as pool, hosted.database() as holder:
        with holder.transaction():
            holder.execute("LOCK TABLE guess_budgets IN EXCLUSIVE MODE")
            attempt = pool.submit(browser.sign_in, person, page)
            eventually(lambda: hosted.rows(_WAITING)[0][0] > 0, "the sign-in waits to be counted")
            yield answers
        answers.append(attempt.result())


def live_sessions(hosted: Hosted, person: Person) -> int:
    sql = "SELECT count(*) FROM sign_in_sessions WHERE user_id = %s AND ended_at IS NULL"
    return int(hosted.rows(sql, person.id)[0][0])


def test_an_old_password_opens_no_session_once_a_new_one_is_set(hosted: Hosted) -> None:
    person = hosted.person()
    token = hosted.mail(person, "password_reset", "set_password")
    owner = hosted.browser()
    page = owner.page("/password/set", token=token)
    with overtaken_sign_in(hosted, person) as answers:
        assert owner.submit(page, password=NEW, repeated=NEW).status_code == 200
    assert answers[0].status_code == 401
    assert live_sessions(hosted, person) == 0
    assert not hosted.events(str(person.id), "sign_in.succeeded")


def test_no_session_begins_once_the_account_is_disabled(hosted: Hosted) -> None:
    """Else it would come to life again with the account."""
    person = hosted.person()
    with overtaken_sign_in(hosted, person) as answers:
        hosted.rows("UPDATE users SET status = 'disabled' WHERE id = %s RETURNING 1", person.id)
    assert answers[0].status_code == 401
    assert live_sessions(hosted, person) == 0


def test_a_sign_in_that_nothing_overtakes_succeeds(hosted: Hosted) -> None:
    person = hosted.person()
    with overtaken_sign_in(hosted, person) as answers:
        pass
    assert answers[0].status_code == 200
    assert live_sessions(hosted, person) == 1
