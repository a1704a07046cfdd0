"""One uninterrupted life of this worker as a writer of the audit stream: it numbers and chains (ADR 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events import chain
from shared.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.envelope import Event, SealedEvent


@dataclass(frozen=True, slots=True)
class Ending:
    """What `producers` is told at the end. `uncertain_number`: the last that was sent without hearing an answer."""

    producer: str
    number: int
    uncertain_number: int | None
    reason: str


class Incarnation:
    """Numbers move on only when a batch is known to be in the stream."""

    def __init__(self, shard: int) -> None:
        self.producer = f"stream/{shard}/{new_id()}"
        self.number = 0
        self.genesis = chain.genesis(self.producer)
        self._hash = self.genesis

    def seal(self, events: Sequence[Event]) -> list[SealedEvent]:
        """The events in their places after the last known one. Changes nothing here."""
        sealed, previous = [], self._hash
        for number, event in enumerate(events, self.number + 1):
            one = chain.seal(previous, self.producer, number, event)
            sealed.append(one)
            previous = bytes.fromhex(one.hash)
        return sealed

    def advance(self, batch: Sequence[SealedEvent]) -> None:
        """`batch` is in the stream."""
        self.number, self._hash = batch[-1].number, bytes.fromhex(batch[-1].hash)

    def end(self, reason: str, uncertain_number: int | None = None) -> Ending:
        return Ending(self.producer, self.number, uncertain_number, reason)
