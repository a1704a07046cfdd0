"""Who does something, when, on whose request: what all events of one piece of work share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.record import build_event
from shared.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from events.envelope import Event
    from events.payloads.fields import Payload, Personal
    from events.record import PersonalCipher
    from events.types import EventType


@dataclass(frozen=True, slots=True)
class Recording:
    """`actor`: a subject, as in `events.envelope.Event`."""

    actor: str
    now: datetime
    request_id: str | None = None
    outbox_shards: int = 1

    def event(
        self,
        event_type: EventType,
        payload: Payload,
        subject: str,
        *,
        client_id: str | None = None,
        session_id: UUID | None = None,
        personal: Personal | None = None,
        cipher: PersonalCipher | None = None,
    ) -> Event:
        return build_event(
            event_type,
            payload=payload,
            subject=subject,
            actor=self.actor,
            now=self.now,
            event_id=new_id(),
            request_id=self.request_id,
            client_id=client_id,
            session_id=session_id,
            personal=personal,
            cipher=cipher,
        )
