"""Makes events durable where no transaction does (P1): all who wait share one append, or the outbox takes them.

What an append may have written never goes to the outbox as well: it is repeated unchanged until its deadline, then the
requests that wait for it get 503 and a new incarnation begins (ADR 1).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from events.envelope import PLATFORM, Event, SealedEvent
from events.payloads.audit import ProducerEnded, ProducerStarted
from events.record import build_event
from events.types import EventType
from shared.audit_stream import Appended
from shared.clock import monotonic_seconds, utc_now
from shared.ids import new_id
from token_core.errors import TemporarilyUnavailable
from token_core.incarnation import Ending, Incarnation
from token_core.metrics import audit_events, audit_unavailable
from token_core.storage.redis_audit import NotAppended, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.payloads.fields import Payload
    from token_core.quota import FailureQuota

MAX_BATCH = 500
_REPEAT_SECONDS, _PROBE_SECONDS = 0.05, 0.25
_SERVICE = "token_core"
_log = logging.getLogger("token_core.audit")


class AuditUnavailable(TemporarilyUnavailable):
    """Neither the stream nor the outbox could take the event, or it isn't known whether the stream did."""


class Lane(Protocol):
    """The stream: storage/redis_audit.py."""

    shard: int

    async def append(self, batch: Sequence[SealedEvent]) -> Appended: ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class Registry(Protocol):
    """The other way: storage/postgres_audit.py. Raises `TemporarilyUnavailable`."""

    async def begin(self, incarnation: Incarnation, shard: int, service: str) -> None: ...

    async def end(self, ending: Ending) -> None: ...

    async def outbox(self, events: Sequence[Event]) -> None: ...


@dataclass(slots=True)
class _Waiting:
    event: Event
    done: asyncio.Future[None]

    def succeed(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, detail: str) -> None:
        audit_unavailable.inc()
        if not self.done.done():
            self.done.set_exception(AuditUnavailable(detail=detail))


class Recorder:
    """One a worker. `start` and `stop` belong to the app's lifespan."""

    def __init__(self, lane: Lane, registry: Registry, quota: FailureQuota, *, deadline_seconds: float = 1.5) -> None:
        self._lane, self._registry, self.quota, self._deadline = lane, registry, quota, deadline_seconds
        self._for_stream: deque[_Waiting] = deque()
        self._for_outbox: deque[_Waiting] = deque()
        self._stream_wanted, self._outbox_wanted = asyncio.Event(), asyncio.Event()
        self._incarnation: Incarnation | None = None
        self._endings: list[Ending] = []
        self._flows = False  # the stream takes events now
        self._is_stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._stream_done, self._outbox_done = audit_events.labels("stream"), audit_events.labels("outbox")

    async def make_durable(self, event: Event) -> None:
        """Returns when the event is durable.

        Raises:
            AuditUnavailable: it may be durable or not; nothing that it tells of may leave.
        """
        waiting = _Waiting(event, asyncio.get_running_loop().create_future())
        if self._flows:
            self._for_stream.append(waiting)
            self._stream_wanted.set()
        else:
            self._divert(waiting)
        await waiting.done

    async def record_failure(self, event: Event, reason: str) -> None:
        """Record what was refused. Over the quota, or where nothing can take it, it is counted instead."""
        if not self.quota.admits(event.type, reason):
            return
        try:
            await self.make_durable(event)
        except AuditUnavailable:
            self.quota.count(event.type, reason)

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(work()) for work in (self._serve_stream, self._serve_outbox, self._serve_counts)
        ]

    async def stop(self) -> None:
        """End cleanly: counts flushed, everything answered, the incarnation's end recorded."""
        await self._flush_counts()
        self._is_stopping = True
        self._stream_wanted.set()
        self._outbox_wanted.set()
        self._tasks[2].cancel()
        await asyncio.wait(self._tasks, timeout=2 * self._deadline + 2.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lane.close()

    # The stream

    async def _serve_stream(self) -> None:
        while not self._is_stopping:
            try:
                await self._record_endings()
                if not self._flows and not await self._is_opened():
                    await asyncio.sleep(_PROBE_SECONDS)
                    continue
                await self._stream_wanted.wait()
                self._stream_wanted.clear()
                while self._for_stream:
                    count = min(len(self._for_stream), MAX_BATCH)
                    await self._append([self._for_stream.popleft() for _ in range(count)])
            except Exception:  # noqa: BLE001 - the loop has to live on, whatever one turn met
                _log.exception("audit stream turn failed")
                self._close_stream()
                await asyncio.sleep(_PROBE_SECONDS)
        await self._finish()

    async def _is_opened(self) -> bool:
        """Begin an incarnation if there is none, and see whether the stream takes its events."""
        try:
            if self._incarnation is None:
                fresh = Incarnation(self._lane.shard)
                await self._registry.begin(fresh, self._lane.shard, _SERVICE)
                self._incarnation = fresh
            if self._incarnation.number:
                await self._lane.ping()
                self._flows = True
            else:
                started = ProducerStarted(service=_SERVICE, shard=self._lane.shard)
                self._flows = await self._append_own(_own_event(EventType.PRODUCER_STARTED, started))
        except (TemporarilyUnavailable, NotAppended, OutcomeUnknown):
            return False
        return self._flows

    async def _append_own(self, event: Event) -> bool:
        assert self._incarnation is not None
        batch = self._incarnation.seal([event])
        result, uncertain = await self._settle(batch)
        if result in (Appended.OK, Appended.ALREADY):
            self._incarnation.advance(batch)
            return True
        if uncertain or result is not None:
            self._end_incarnation("uncertain" if uncertain else str(result), batch[-1].number if uncertain else None)
        return False

    async def _append(self, waiting: list[_Waiting]) -> None:
        if self._incarnation is None or not self._flows:
            for one in waiting:
                self._divert(one)
            return
        batch = self._incarnation.seal([one.event for one in waiting])
        result, uncertain = await self._settle(batch)
        if result in (Appended.OK, Appended.ALREADY):
            self._incarnation.advance(batch)
            self._stream_done.inc(len(batch))
            for one in waiting:
                one.succeed()
            self._flows = True
        elif uncertain:  # it may be there, in the place of these numbers, and nowhere else
            self._end_incarnation("uncertain", batch[-1].number)
            for one in waiting:
                one.fail("audit_outcome_unknown")
        else:
            if result is not None:
                self._end_incarnation(str(result))
            self._close_stream()
            for one in waiting:
                self._divert(one)

    async def _settle(self, batch: list[SealedEvent]) -> tuple[Appended | None, bool]:
        """What the stream said, None for nothing; and whether an attempt may have written without saying so."""
        deadline, uncertain = monotonic_seconds() + self._deadline, False
        while True:
            try:
                return await self._lane.append(batch), uncertain
            except NotAppended:
                if not uncertain:
                    return None, False
            except OutcomeUnknown:
                uncertain = True
                self._close_stream()  # who comes now need not wait for this
            if monotonic_seconds() >= deadline:
                return None, True
            await asyncio.sleep(_REPEAT_SECONDS)

    def _close_stream(self) -> None:
        self._flows = False
        while self._for_stream:
            self._divert(self._for_stream.popleft())

    def _end_incarnation(self, reason: str, uncertain_number: int | None = None) -> None:
        assert self._incarnation is not None
        _log.warning("stream incarnation ended", extra={"producer": self._incarnation.producer, "reason": reason})
        self._endings.append(self._incarnation.end(reason, uncertain_number))
        self._incarnation = None
        self._close_stream()

    async def _record_endings(self) -> None:
        while self._endings:
            try:
                await self._registry.end(self._endings[0])
            except TemporarilyUnavailable:
                return
            del self._endings[0]

    async def _finish(self) -> None:
        if self._incarnation is not None and self._incarnation.number and self._flows:
            ended = _own_event(EventType.PRODUCER_ENDED, ProducerEnded(reason="shutdown"))
            await self._append_own(ended)
        if self._incarnation is not None:
            self._endings.append(self._incarnation.end("shutdown"))
            self._incarnation = None
        self._close_stream()
        await self._record_endings()

    # The outbox

    def _divert(self, waiting: _Waiting) -> None:
        self._for_outbox.append(waiting)
        self._outbox_wanted.set()

    async def _serve_outbox(self) -> None:
        while not self._is_stopping or self._for_outbox:
            await self._outbox_wanted.wait()
            self._outbox_wanted.clear()
            while self._for_outbox:
                count = min(len(self._for_outbox), MAX_BATCH)
                waiting = [self._for_outbox.popleft() for _ in range(count)]
                try:
                    await self._registry.outbox([one.event for one in waiting])
                except TemporarilyUnavailable:
                    for one in waiting:
                        one.fail("audit_nowhere")
                except Exception:  # noqa: BLE001 - the loop has to live on
                    _log.exception("outbox turn failed")
                    for one in waiting:
                        one.fail("audit_nowhere")
                else:
                    self._outbox_done.inc(count)
                    for one in waiting:
                        one.succeed()

    # Failures over the quota

    async def _serve_counts(self) -> None:
        while True:
            await asyncio.sleep(self.quota.window_seconds)
            await self._flush_counts()

    async def _flush_counts(self) -> None:
        for counted in self.quota.take_counts():
            try:
                await self.make_durable(_own_event(EventType.FAILURES_COUNTED, counted))
            except AuditUnavailable:
                self.quota.put_back(counted)


def _own_event(event_type: EventType, payload: Payload) -> Event:
    return build_event(event_type, payload=payload, subject=PLATFORM, actor=PLATFORM, now=utc_now(), event_id=new_id())
