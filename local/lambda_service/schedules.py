"""Schedules: each comes due at its times, also across restarts of the service."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.lambda_service.schedule_expressions import parse_expression
from local.lambda_service.state import ScheduleState

if TYPE_CHECKING:
    from local.lambda_service.asynchronous import AsynchronousInvoker
    from local.lambda_service.definitions import Schedule
    from local.lambda_service.settings import LambdaSettings
    from local.lambda_service.state_store import StateStore

LONGEST_SLEEP_SECONDS = 30
"""So that a machine that slept, or whose clock was set, notices soon."""


class ScheduleRunner:
    """One schedule. Times that passed while the service was down are made up for by firing once at the start."""

    def __init__(
        self, schedule: Schedule, settings: LambdaSettings, store: StateStore, invoker: AsynchronousInvoker
    ) -> None:
        self._schedule = schedule
        self._settings = settings
        self._store = store
        self._invoker = invoker
        self._expression = parse_expression(schedule.expression)
        first_due_ms = _milliseconds(self._expression.after(datetime.now(UTC)))
        self._due_ms, self._fired = store.schedule_due(schedule.name, schedule.expression, first_due_ms)

    def state(self) -> ScheduleState:
        schedule = self._schedule
        return ScheduleState(schedule.name, schedule.function, schedule.expression, self._due_ms, self._fired)

    async def run(self) -> None:
        while True:
            left = self._due_ms / 1000 - time.time()
            if left > 0:
                await asyncio.sleep(min(left, LONGEST_SLEEP_SECONDS))
                continue
            self._fire()

    def _fire(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        due = datetime.fromtimestamp(self._due_ms / 1000, UTC)
        following = self._expression.after(due)
        while _milliseconds(following) <= now_ms:
            following = self._expression.after(following)
        self._due_ms, self._fired = _milliseconds(following), self._fired + 1
        self._store.fire_schedule(self._schedule.name, self._due_ms, self._schedule.function, self._event(due), now_ms)
        self._invoker.wake()

    def _event(self, due: datetime) -> bytes:
        """The schedule's input, or EventBridge's event (user guide, "Scheduled Event")."""
        if self._schedule.input is not None:
            return json.dumps(self._schedule.input).encode()
        region, account_id = self._settings.region, self._settings.account_id
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": account_id,
            "time": f"{due:%Y-%m-%dT%H:%M:%SZ}",
            "region": region,
            "resources": [f"arn:aws:events:{region}:{account_id}:rule/{self._schedule.name}"],
            "detail": {},
        }
        return json.dumps(event).encode()


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
