"""Entries of the audit stream, as producers append them (shared/audit_stream.py), read with nothing taken on trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_relay.cutting import UNKNOWN_HASH, Link, refusal
from events.chain import canonical, genesis, link
from events.envelope import MalformedEventError, SealedEvent
from shared.audit_stream import MalformedEntryError, read_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class Entry:
    """Consecutive events of one producer, appended together."""

    entry_id: str
    producer: str
    first: int
    events: tuple[SealedEvent, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.events) - 1


@dataclass(frozen=True, slots=True)
class Head:
    """The last sealed event of a producer; the genesis hash at 0."""

    number: int
    hash: bytes

    @classmethod
    def of_new(cls, producer: str) -> Head:
        return cls(0, genesis(producer))


def check_entry(entry_id: str, fields: Mapping[bytes, bytes], shard: int) -> Entry:
    """Check that the lines are what the fields say, and fit for the lake.

    Raises:
        MalformedEntryError: with a reason that quotes nothing of the entry.
    """
    entry = read_entry(entry_id, fields)
    producer, first = entry.producer, entry.first
    try:
        events = tuple(SealedEvent.from_line(line) for line in entry.lines)
    except MalformedEventError as error:
        raise MalformedEntryError(f"a line: {error}") from error
    if not producer.startswith(f"stream/{shard}/") or first > MAX_NUMBER:
        raise MalformedEntryError("producer or first number")
    for number, (sealed, line) in enumerate(zip(events, entry.lines, strict=True), first):
        if sealed.producer != producer or sealed.number != number or not _is_hash(sealed.hash):
            raise MalformedEntryError("a line's producer, number or hash")
        problem = refusal(sealed.event, len(line.encode()))
        if problem is not None:
            raise MalformedEntryError(problem)
    return Entry(entry_id, producer, first, events)


def links_after(head: Head, entry: Entry) -> tuple[list[Link], int]:
    """The entry's events that come after `head`, each with the hash before it, and the number of broken links.

    What is sealed already is left out. After a gap, or where a hash doesn't follow from the one before, the event is
    kept as it is, in a run of its own that begins with UNKNOWN_HASH: nothing is lost, and the verifier finds the place.
    """
    links: list[Link] = []
    broken = 0
    number, known = head.number, head.hash
    for sealed in entry.events:
        if sealed.number <= number:
            continue
        follows = sealed.number == number + 1
        if follows and not _is_next(known, sealed):
            follows, broken = False, broken + 1
        links.append(Link(sealed, known.hex() if follows else UNKNOWN_HASH))
        number, known = sealed.number, bytes.fromhex(sealed.hash)
    return links, broken


def _is_next(known: bytes, sealed: SealedEvent) -> bool:
    try:
        return link(known, canonical(sealed.producer, sealed.number, sealed.event)).hex() == sealed.hash
    except UnicodeEncodeError:
        return False


def _is_hash(text: str) -> bool:
    return len(text) == 64 and not text.strip("0123456789abcdef")
