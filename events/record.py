"""Makes an event where the change is made. On the path of every token: no schema work here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from events.envelope import Event
from events.registry import REGISTRY, VERSION_OF

if TYPE_CHECKING:
    from uuid import UUID

    from events.payloads.fields import Payload, Personal
    from events.types import EventType


class PersonalCipher(Protocol):
    """One person's key: what `shared.subject_keys.SubjectKey` is."""

    @property
    def key_id(self) -> str: ...

    def encrypt(self, event_id: str, plaintext: bytes) -> str:
        """AES-256-GCM with the event id as associated data; base64url of nonce and ciphertext."""
        ...


class UnregisteredPayloadError(TypeError):
    """The registry has no version of this type with this payload or personal model."""


def build_event(
    event_type: EventType,
    *,
    payload: Payload,
    subject: str,
    actor: str,
    now: datetime,
    event_id: UUID | str,
    request_id: str | None = None,
    client_id: str | None = None,
    session_id: UUID | str | None = None,
    personal: Personal | None = None,
    cipher: PersonalCipher | None = None,
) -> Event:
    """The event, ready for the outbox or the stream.

    Args:
        now: any timezone; written in UTC with microseconds.
        event_id: a UUIDv7 (`shared.ids.new_id()`); the caller keeps it over retries.
        personal: left out, not written in the clear, where `cipher` is None: the person was erased.

    Raises:
        UnregisteredPayloadError: `payload` or `personal` is not this type's model.
    """
    version = VERSION_OF.get((event_type, type(payload)))
    if version is None:
        raise UnregisteredPayloadError(f"{event_type} has no version with {type(payload).__name__}")
    event_id = str(event_id)
    subject_key_id = ciphertext = None
    if personal is not None:
        if type(personal) is not REGISTRY[event_type, version].personal:
            raise UnregisteredPayloadError(f"{event_type} {version} has no {type(personal).__name__}")
        if cipher is not None:
            subject_key_id = cipher.key_id
            ciphertext = cipher.encrypt(event_id, personal.model_dump_json(exclude_none=True).encode())
    return Event(
        event_id,
        event_type.value,
        version,
        now.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z",
        request_id,
        subject,
        actor,
        client_id,
        None if session_id is None else str(session_id),
        subject_key_id,
        payload.model_dump_json(),
        ciphertext,
    )
