"""Lambda: schedules"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from datetime import UTC, datetime

import pytest

from local.lambda_service import Definitions, Schedule
from local.lambda_service.schedule_expressions import parse_expression
from tests.local.lambda_harness import eventually, function, running, settings


def keep(tmp_path, *schedules):
    keep_event = function("task_functions.keep_event", environment={"RECORD": str(tmp_path / "r")})
    return Definitions((keep_event,), schedules=schedules)


def events(tmp_path):
    record = tmp_path / "r"
    return [json.loads(line)["event"] for line in record.read_text().splitlines()] if record.exists() else []


async def test_schedule_invokes_with_eventbridges_event(tmp_path):
    """version, id, detail-type "Scheduled Event", source aws.events, account, time, region, rule ARN, empty detail."""
    definitions = keep(tmp_path, Schedule("clean-up", "rate(1 second)", "f"))
    async with running(definitions, settings(tmp_path)) as service:
        await eventually(lambda: len(events(tmp_path)) >= 2)
        assert service.state().schedules[0].fired >= 2
    first, second = events(tmp_path)[:2]
    assert first.pop("id") != second["id"]
    at = datetime.strptime(first.pop("time"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(at.timestamp() - time.time()) < 60
    assert first == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:000000000000:rule/clean-up"],
        "detail": {},
    }


async def test_schedule_with_an_input_sends_that(tmp_path):
    """A constant input takes the place of the event."""
    definitions = keep(tmp_path, Schedule("s", "rate(1 second)", "f", {"job": "rotate"}))
    async with running(definitions, settings(tmp_path)):
        await eventually(lambda: events(tmp_path)[:1] == [{"job": "rotate"}])


async def test_schedule_missed_while_down_fires_once_at_the_start(tmp_path):
    """Many times passed while the service was down: one invocation makes up for them."""
    definitions = keep(tmp_path, Schedule("s", "rate(1 hour)", "f"))
    async with running(definitions, settings(tmp_path), ready=False):
        pass
    _move_due(tmp_path, hours=-5.5)
    async with running(definitions, settings(tmp_path)) as service:
        await eventually(lambda: len(events(tmp_path)) == 1)
        left = service.state().schedules[0].next_due_ms / 1000 - time.time()
        assert 0 < left <= 3600
        assert abs(left - 1800) < 120, "the rhythm is kept"
    assert len(events(tmp_path)) == 1


async def test_schedule_is_not_doubled_by_a_restart(tmp_path):
    """What has fired does not fire again when the service starts anew; what is not yet due keeps its time."""
    definitions = keep(tmp_path, Schedule("s", "rate(1 hour)", "f"))
    async with running(definitions, settings(tmp_path), ready=False):
        pass
    _move_due(tmp_path, hours=-1)
    async with running(definitions, settings(tmp_path)) as service:
        await eventually(lambda: len(events(tmp_path)) == 1)
        await eventually(lambda: not service._store.asynchronous())
        due = service.state().schedules[0].next_due_ms
    async with running(definitions, settings(tmp_path)) as service:
        assert service.state().schedules[0].next_due_ms == due
        await service.invoke("f", b'"after"')
    assert events(tmp_path)[1:] == ["after"]


async def test_fired_schedule_whose_invocation_was_lost_is_invoked_after_the_restart(tmp_path):
    """The service dies between firing and the function's success: the invocation is still there, once."""
    broken = Definitions((function("no_such_module.handler"),), schedules=(Schedule("s", "rate(1 hour)", "f"),))
    slow = settings(tmp_path, asynchronous_retry_seconds=(0.1, 600))
    async with running(broken, slow, ready=False):
        pass
    _move_due(tmp_path, hours=-1)
    async with running(broken, slow, ready=False) as service:
        await eventually(lambda: service.state().schedules[0].fired == 1)
    definitions = keep(tmp_path, Schedule("s", "rate(1 hour)", "f"))
    async with running(definitions, settings(tmp_path)) as service:
        await eventually(lambda: len(events(tmp_path)) == 1)
        await eventually(lambda: not service._store.asynchronous())


async def test_changed_expression_starts_anew(tmp_path):
    """A schedule whose expression changed comes due by the new one."""
    async with running(keep(tmp_path, Schedule("s", "rate(2 hours)", "f")), settings(tmp_path), ready=False):
        await asyncio.sleep(0)
    async with running(keep(tmp_path, Schedule("s", "rate(1 second)", "f")), settings(tmp_path)):
        await eventually(lambda: events(tmp_path))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", "2026-01-31 10:16"),
        ("rate(5 hours)", "2026-01-31 15:15"),
        ("rate(2 days)", "2026-02-02 10:15"),
        ("cron(0 12 * * ? *)", "2026-01-31 12:00"),
        ("cron(15 10 * * ? *)", "2026-02-01 10:15"),
        ("cron(0/15 * * * ? *)", "2026-01-31 10:30"),
        ("cron(0 9 ? * MON-FRI *)", "2026-02-02 09:00"),
        ("cron(0 9 ? * 2#1 *)", "2026-02-02 09:00"),
        ("cron(0 9 ? * FRI#3 *)", "2026-02-20 09:00"),
        ("cron(0 9 ? * 6L *)", "2026-02-27 09:00"),
        ("cron(30 23 L * ? *)", "2026-01-31 23:30"),
        ("cron(0 8 L * ? *)", "2026-02-28 08:00"),
        ("cron(0 8 1W * ? *)", "2026-02-02 08:00"),
        ("cron(0 8 LW * ? *)", "2026-02-27 08:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00"),
        ("cron(5,50 8-10 1,31 JAN,MAR ? 2026-2027)", "2026-01-31 10:50"),
        ("cron(0 0 1 1 ? 2030)", "2030-01-01 00:00"),
    ],
)
def test_expression_comes_due_as_eventbridge_says(expression, expected):
    """rate with its units and cron with its six fields, names, ranges, lists, steps, ?, L, W and #."""
    after = parse_expression(expression).after(datetime(2026, 1, 31, 10, 15, tzinfo=UTC))  # a Saturday
    assert f"{after:%Y-%m-%d %H:%M}" == expected


@pytest.mark.parametrize(
    "expression",
    [
        "every day",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(5 weeks)",
        "cron(0 12 * * *)",
        "cron(0 12 * * * *)",
        "cron(0 12 ? * ? *)",
        "cron(60 12 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 12 32 * ? *)",
        "cron(0 12 ? * XYZ *)",
        "cron(0 0 30 2 ? *)",
        "cron(0 0 1 1 ? 2020)",
    ],
)
def test_malformed_expression_is_refused(expression):
    """Not rate or cron, wrong singular or plural, five fields, both or neither day given, out of range, never due."""
    with pytest.raises(ValueError):
        parse_expression(expression)


def _move_due(tmp_path, hours):
    with sqlite3.connect(tmp_path / "state" / "lambda.sqlite3") as database:
        database.execute("UPDATE schedules SET next_due_ms = next_due_ms + ?", (int(hours * 3_600_000),))
    database.close()
