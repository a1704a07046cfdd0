"""An event source mapping: polls a queue, invokes the function with batches, deletes what succeeded."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from local.lambda_service.event_records import Message, events
from local.lambda_service.invocation import InvocationResult, InvokeError, TooManyRequestsError
from local.lambda_service.partial_batches import failed_ids
from local.lambda_service.sqs_client import SqsCallError, SqsClient
from local.lambda_service.state import MappingState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from local.lambda_service.definitions import EventSourceMapping, FunctionDefinition

log = logging.getLogger(__name__)
LONG_POLL_SECONDS = 20
RECEIVE_MOST = 10
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
DELETE_RETRY_SECONDS = (0.1, 0.5, 0)


class EventSource:
    """Runs up to `maximum_concurrency` batches at a time, and no more than the function has sandboxes.

    A batch is only received when there is room to run it, so that no message's visibility timeout passes in a line
    here. In a FIFO queue, messages of a group that is still at work (its visibility timeout ran out meanwhile) are left
    to come again: never two batches of one group at once.
    """

    def __init__(
        self,
        mapping: EventSourceMapping,
        function: FunctionDefinition,
        client: SqsClient,
        invoke: Callable[[bytes], Awaitable[InvocationResult]],
        on_change: Callable[[], None],
    ) -> None:
        self._mapping = mapping
        self._function = function
        self._client = client
        self._invoke = invoke
        self._on_change = on_change
        self._room = asyncio.Semaphore(min(mapping.maximum_concurrency or function.processes, function.processes))
        self._groups_at_work: set[str | None] = set()
        self._batches_under_way: set[asyncio.Task[None]] = set()
        self._state = "starting"
        self._batches = self._records = self._failed = 0
        self._queue_url = self._queue_arn = ""
        self._visibility_seconds = 0.0

    def state(self) -> MappingState:
        return MappingState(
            function=self._mapping.function,
            queue=self._mapping.queue,
            state=self._state,
            batches=self._batches,
            records=self._records,
            failed_records=self._failed,
            under_way=len(self._batches_under_way),
        )

    async def run(self) -> None:
        """Polls until cancelled; a queue that is missing or out of reach is tried again, ever more slowly."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                if not self._queue_url:
                    await self._look_up_queue()
                await self._poll_once()
                pause = FIRST_PAUSE_SECONDS
                continue
            except SqsCallError as error:
                self._to(f"backing off: {error}")
            except Exception as error:  # a mapping that ended would be noticed by nobody
                log.exception("polling %s", self._mapping.queue)
                self._to(f"backing off: {type(error).__name__}")
            self._queue_url = ""  # it may have been made anew
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def drain(self) -> None:
        """Waits for the batches under way."""
        await asyncio.gather(*self._batches_under_way, return_exceptions=True)

    def abandon(self) -> None:
        """Their messages come again after the visibility timeout."""
        for task in self._batches_under_way:
            task.cancel()

    async def _look_up_queue(self) -> None:
        url = (await self._client.call("GetQueueUrl", {"QueueName": self._mapping.queue}))["QueueUrl"]
        wanted = ["QueueArn", "VisibilityTimeout"]
        answer = await self._client.call("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": wanted})
        attributes = answer["Attributes"]
        self._visibility_seconds = float(attributes["VisibilityTimeout"])
        if self._visibility_seconds < self._function.timeout_seconds:
            message = (
                f"Queue visibility timeout: {self._visibility_seconds:g} seconds is less than "
                f"Function timeout: {self._function.timeout_seconds:g} seconds"
            )
            raise SqsCallError("InvalidParameterValueException", message)
        self._queue_arn, self._queue_url = attributes["QueueArn"], url
        self._to("polling")

    async def _poll_once(self) -> None:
        await self._room.acquire()
        try:
            batch, held_until = await self._gather()
        except BaseException:
            self._room.release()
            raise
        groups = {_group(message) for message in batch} if self._mapping.is_fifo else set()
        if not batch:
            self._room.release()
            return
        self._groups_at_work |= groups
        task = asyncio.ensure_future(self._run_batch(batch, held_until, self._queue_url))
        self._batches_under_way.add(task)

        def finished(done: asyncio.Task[None]) -> None:
            self._batches_under_way.discard(done)
            self._groups_at_work.difference_update(groups)
            self._room.release()
            if not done.cancelled() and done.exception() is not None:
                log.error("batch of %s failed", self._mapping.queue, exc_info=done.exception())
            self._on_change()

        task.add_done_callback(finished)

    async def _gather(self) -> tuple[list[Message], float]:
        """A batch, and until when (monotonic) its first message is certainly hidden from others."""
        batch_size, window = self._mapping.batch_size, self._mapping.maximum_batching_window_seconds
        batch = await self._receive(min(batch_size, RECEIVE_MOST), LONG_POLL_SECONDS)
        first = time.monotonic()
        while batch and window and len(batch) < batch_size:
            left = first + window - time.monotonic()
            if left <= 0:
                break
            # Whole seconds are all that a long poll can wait: the last part of the window may be a short poll.
            more = await self._receive(min(batch_size - len(batch), RECEIVE_MOST), min(int(left), LONG_POLL_SECONDS))
            if not more and left < 1:
                await asyncio.sleep(min(left, 0.1))
            batch += more
        return batch, first + self._visibility_seconds

    async def _receive(self, most: int, wait_seconds: int) -> list[Message]:
        members = {
            "QueueUrl": self._queue_url,
            "MaxNumberOfMessages": most,
            "WaitTimeSeconds": wait_seconds,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        messages: list[Message] = (await self._client.call("ReceiveMessage", members)).get("Messages", [])
        if self._mapping.is_fifo:
            return [message for message in messages if _group(message) not in self._groups_at_work]
        return messages

    async def _run_batch(self, messages: list[Message], held_until: float, queue_url: str) -> None:
        for batch, event in events(messages, self._queue_arn):
            failed = await self._run_event(batch, event, held_until)
            self._batches += 1
            self._records += len(batch)
            self._failed += len(failed)
            await self._delete([message for message in batch if message["MessageId"] not in failed], queue_url)
            if failed and self._mapping.is_fifo:
                return  # what follows in those groups must not overtake

    async def _run_event(self, batch: list[Message], event: bytes, held_until: float) -> set[str]:
        """The ids of the messages that failed."""
        message_ids = {message["MessageId"] for message in batch}
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                result = await self._invoke(event)
                break
            except TooManyRequestsError:
                # Tried again while the messages are ours (developer guide, "Backoff strategy for failed invocations").
                if time.monotonic() + pause + self._function.timeout_seconds > held_until:
                    return message_ids
                self._to("throttled")
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            except InvokeError as error:
                log.error("batch of %s: %s", self._mapping.queue, error.message)  # noqa: TRY400 - its message says all
                return message_ids
        if self._state == "throttled":
            self._to("polling")
        if result.function_error is not None:
            return message_ids
        return failed_ids(result.payload, message_ids) if self._mapping.report_batch_item_failures else set()

    async def _delete(self, messages: list[Message], queue_url: str) -> None:
        """What can't be deleted comes again: at-least-once, as in AWS."""
        for start in range(0, len(messages), RECEIVE_MOST):
            entries: list[dict[str, Any]] = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(messages[start : start + RECEIVE_MOST])
            ]
            for pause in DELETE_RETRY_SECONDS:
                try:
                    await self._client.call("DeleteMessageBatch", {"QueueUrl": queue_url, "Entries": entries})
                    break
                except SqsCallError as error:
                    log.warning("%s: %s", self._mapping.queue, error)
                    await asyncio.sleep(pause)

    def _to(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self._on_change()


def _group(message: Message) -> str | None:
    group: str | None = message.get("Attributes", {}).get("MessageGroupId")
    return group
