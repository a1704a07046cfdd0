from __future__ import annotations

import asyncio
import json
import logging

import pytest

from token_core import access_log
from token_core.access_log import flush, log_request


@pytest.fixture(autouse=True)
def logged():
    logger = logging.getLogger("token_core.access")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield logger
    flush()
    logger.setLevel(before)


async def test_each_request_is_one_line_of_json_and_lines_leave_together(capsys) -> None:
    for status in (200, 401, 503):
        log_request("request-1", "POST", "/oauth2/token", status, 0.00123)
    assert capsys.readouterr().out == ""
    async with asyncio.timeout(10):
        while access_log._pending:
            await asyncio.sleep(0.01)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["status"] for line in lines] == [200, 401, 503]
    assert {(line["request_id"], line["path"], line["method"], line["ms"]) for line in lines} == {
        ("request-1", "/oauth2/token", "POST", 1.23)
    }
    assert access_log._pending == []


async def test_a_method_that_somebody_made_up_can_not_break_the_line(capsys) -> None:
    log_request("request-1", 'GET", "forged": "', "/oauth2/token", 405, 0.0)
    flush()
    assert json.loads(capsys.readouterr().out)["method"] == "other"


async def test_what_waits_at_shutdown_is_written(capsys) -> None:
    log_request("request-1", "GET", "/oauth2/jwks", 200, 0.0)
    flush()
    flush()
    assert len(capsys.readouterr().out.splitlines()) == 1


async def test_a_level_that_leaves_it_out_costs_nothing(capsys, logged) -> None:
    logged.setLevel(logging.WARNING)
    log_request("request-1", "GET", "/oauth2/jwks", 200, 0.0)
    flush()
    assert capsys.readouterr().out == ""
