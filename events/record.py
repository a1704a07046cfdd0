"""Makes an event where the change is made. On the path of every token: no schema work here."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from events.envelope import Event
from events.payloads.token import TokenIssued
from events.registry import REGISTRY, VERSION_OF
from events.types import EventType

if TYPE_CHECKING:
    from uuid import UUID

    from events.payloads.fields import Payload, Personal

_ISSUED = EventType.TOKEN_ISSUED.value
_ISSUED_VERSION = VERSION_OF[EventType.TOKEN_ISSUED, TokenIssued]


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
        _written(now),
        request_id,
        subject,
        actor,
        client_id,
        None if session_id is None else str(session_id),
        subject_key_id,
        payload.model_dump_json(),
        ciphertext,
    )


def build_issued_event(
    *,
    grant_type: str,
    jti: str,
    audience: tuple[str, ...],
    scope: str,
    expires_at: int,
    family_id: UUID | None,
    generation: int | None,
    subject: str,
    actor: str,
    now: datetime,
    event_id: str,
    request_id: str | None,
    client_id: str,
    session_id: UUID | None,
) -> Event:
    """`build_event` of a `TokenIssued`, the same text for less work: the event of every token.

    Args:
        jti, family_id, generation, expires_at: what differs from token to token.
    """
    before, between, after = _issued_template(grant_type, audience, scope)
    family = "null" if family_id is None else f'"{family_id}"'
    ordinal = "null" if generation is None else str(generation)
    return Event(
        event_id,
        _ISSUED,
        _ISSUED_VERSION,
        _written(now),
        request_id,
        subject,
        actor,
        client_id,
        None if session_id is None else str(session_id),
        None,
        f'{before}"jti":"{jti}"{between}"expires_at":{expires_at},"family_id":{family},"generation":{ordinal}{after}',
        None,
    )


@lru_cache(maxsize=4096)
def _issued_template(grant_type: str, audience: tuple[str, ...], scope: str) -> tuple[str, str, str]:
    """The model's own text, cut where tokens differ. A function of its arguments alone: nothing to invalidate.

    Raises:
        pydantic.ValidationError: the model does not take these values.
    """
    model = TokenIssued(grant_type=grant_type, jti="-", audience=audience, scope=scope, expires_at=0)
    before, _, rest = model.model_dump_json().partition('"jti":"-"')
    between, _, after = rest.rpartition('"expires_at":0,"family_id":null,"generation":null')
    return before, between, after


def _written(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
