"""What every event has, whatever happened: the columns of the lake (ADR 1)."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from json.encoder import encode_basestring as quote
from typing import Any

ANONYMOUS = "anonymous"
"""The subject or actor of what nobody known did."""
PLATFORM = "platform"
"""The subject or actor of what the platform did to itself."""


class MalformedEventError(ValueError):
    """The text is not an event of this contract."""


def _text(value: str | None) -> str:
    return "null" if value is None else quote(value)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `payload` and `personal` are texts, kept verbatim everywhere: the chain is over them.

    Args:
        event_id: UUIDv7, made once, by the code that makes the change.
        occurred_at: `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
        subject: whom it is about: a user's id, `client:<client_id>`, `role:<name>`, `platform`, `anonymous`.
        actor: who did it, in the same words; a provisioning sender is `sender:<SenderId>`.
        subject_key_id: the key that `personal` is encrypted with.
        payload: JSON text of the type's payload model.
        personal: base64url of nonce and ciphertext of the type's personal model.
    """

    event_id: str
    type: str
    version: int
    occurred_at: str
    request_id: str | None
    subject: str
    actor: str
    client_id: str | None
    session_id: str | None
    subject_key_id: str | None
    payload: str
    personal: str | None

    def to_json(self) -> str:
        return (
            f'{{"event_id":{quote(self.event_id)},"type":{quote(self.type)},"version":{self.version},'
            f'"occurred_at":{quote(self.occurred_at)},{self._tail()}'
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Event:
        """Read what `to_json` wrote.

        Raises:
            MalformedEventError: not an object with exactly these keys and types.
        """
        return _checked_event(_object(text, _EVENT_KEYS))

    def _tail(self) -> str:
        return (
            f'"request_id":{_text(self.request_id)},"subject":{quote(self.subject)},"actor":{quote(self.actor)},'
            f'"client_id":{_text(self.client_id)},"session_id":{_text(self.session_id)},'
            f'"subject_key_id":{_text(self.subject_key_id)},"payload":{quote(self.payload)},'
            f'"personal":{_text(self.personal)}}}'
        )


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event in its producer's chain. `hash` is lower-case hex."""

    event: Event
    producer: str
    number: int
    hash: str

    @property
    def line(self) -> str:
        """One line of JSON, its keys in the lake's column order."""
        event = self.event
        return (
            f'{{"event_id":{quote(event.event_id)},"type":{quote(event.type)},"version":{event.version},'
            f'"occurred_at":{quote(event.occurred_at)},"producer":{quote(self.producer)},"number":{self.number},'
            f'"hash":"{self.hash}",{event._tail()}'  # noqa: SLF001 - the other half of the same line
        )

    @classmethod
    def from_line(cls, line: str | bytes) -> SealedEvent:
        """Read what `line` wrote; the hash is not checked here (`events.chain`).

        Raises:
            MalformedEventError: not an object with exactly these keys and types.
        """
        values = _object(line, _SEALED_KEYS)
        producer, number, digest = values.pop("producer"), values.pop("number"), values.pop("hash")
        if not isinstance(producer, str) or type(number) is not int or not isinstance(digest, str):
            raise MalformedEventError("producer, number or hash has the wrong type")
        return cls(_checked_event(values), producer, number, digest)


EVENT_COLUMNS = tuple(field.name for field in fields(Event))
SEALED_COLUMNS = (*EVENT_COLUMNS[:4], "producer", "number", "hash", *EVENT_COLUMNS[4:])
_EVENT_KEYS = frozenset(EVENT_COLUMNS)
_SEALED_KEYS = frozenset(SEALED_COLUMNS)
_OPTIONAL = frozenset({"request_id", "client_id", "session_id", "subject_key_id", "personal"})


def _object(text: str | bytes, keys: frozenset[str]) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedEventError("not JSON") from error
    if not isinstance(values, dict) or values.keys() != keys:
        raise MalformedEventError("not an object with exactly the envelope's keys")
    return values


def _checked_event(values: dict[str, Any]) -> Event:
    for name, value in values.items():
        if name == "version":
            if type(value) is not int:
                raise MalformedEventError("version is not a whole number")
        elif not isinstance(value, str) and (value is not None or name not in _OPTIONAL):
            raise MalformedEventError(f"{name} has the wrong type")
    return Event(**values)
