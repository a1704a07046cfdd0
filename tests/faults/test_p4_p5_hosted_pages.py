"""P4, P5: what the hosted pages do while Postgres or Redis is away: 503, no cookie touched, and on they go afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.engines import PASSWORD as ENGINE_PASSWORD
from tests.fixtures.hosted_pages import Hosted, Page, answer_of, authorize_url
from tests.fixtures.token_core import eventually

if TYPE_CHECKING:
    from tests.fixtures.token_core import BreakableCore


def pages_of(breakable: BreakableCore) -> Hosted:
    core = breakable.core
    return Hosted(core.url, core.dsn, core.environment, core.process, core.log_path)


@pytest.mark.alone
def test_p5_while_postgres_is_down_pages_say_503_and_nobody_is_signed_out(breakable_core: BreakableCore) -> None:
    hosted = pages_of(breakable_core)
    person, browser, app = hosted.person(), hosted.browser(), hosted.app()
    assert browser.sign_in(person).status_code == 200
    form, password = browser.page("/oauth2/logout"), browser.page("/account/password")
    breakable_core.postgres.process.kill()
    for path in ("/sign-in", authorize_url(app.ask()), "/oauth2/logout", "/account", "/account/data"):
        answer = browser.http.get(path)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert "set-cookie" not in answer.headers
    answer = browser.http.post(form.action, data=form.fields())
    assert answer.status_code == 503
    changes = {"current": person.password, "password": "seven green bottles", "repeated": "seven green bottles"}
    assert browser.http.post(password.action, data=password.fields() | changes).status_code == 503
    assert browser.http.get("/password/forgot").status_code == 200, "what needs no database is there"

    breakable_core.postgres.process.start()
    breakable_core.postgres.server.wait_until_ready(breakable_core.postgres.process)
    eventually(lambda: "You are signed in" in browser.get("/sign-in").text, "the session goes on")
    assert "Your account" in browser.get("/account").text
    assert hosted.browser().sign_in(person).status_code == 200, "nothing was changed"
    assert "code" in answer_of(browser.get(authorize_url(app.ask())))


@pytest.mark.alone
def test_p4_a_lost_redis_costs_a_code_in_flight_and_nothing_else(breakable_core: BreakableCore) -> None:
    hosted = pages_of(breakable_core)
    person, browser, app = hosted.person(), hosted.browser(), hosted.app()
    page = browser.page(authorize_url(app.ask()))
    breakable_core.redis.process.kill()
    answer = browser.sign_in(person, page)
    assert answer.status_code == 503, "a code can't be kept; the sign-in itself stands"
    assert browser.cookie("session")

    breakable_core.redis.process.start()
    breakable_core.redis.server.wait_until_ready(breakable_core.redis.process)
    with breakable_core.core.redis() as store:
        store.flushall()  # and it has forgotten everything
    again = eventually(lambda: _redirected(browser, page), "a code")
    assert hosted.redeem(app, answer_of(again)["code"]).status_code == 200
    assert ENGINE_PASSWORD not in breakable_core.core.log_path.read_text()


def _redirected(browser, page: Page):
    """The request that was under way goes on without the application's help."""
    answer = browser.get("/oauth2/authorize/continue", request=page.fields()["request"])
    return answer if answer.status_code == 303 else None
