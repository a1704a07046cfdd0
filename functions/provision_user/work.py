"""One command's transaction: what it will have written by its end, in one go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from events.payloads.email import EmailRequested
from events.record import build_event
from events.types import EventType
from shared.database.authority import note_change
from shared.database.outbox import insert_events
from shared.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from psycopg import Connection

    from events.envelope import Event
    from events.payloads.fields import Payload, Personal
    from functions.provision_user.services import Services

_INSERT_MAIL = """
INSERT INTO email_log (id, user_id, template, parameters, request_id, link_purpose, link_expires_at, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass
class Work:
    """Collects what a command does. Statements that must run at once go through `connection`.

    Args:
        actor: who is answerable, in an event's words: `sender:<SenderId>`, or the administrator of a redrive.
    """

    connection: Connection[Any]
    services: Services
    now: datetime
    actor: str
    request_id: str | None = None
    events: list[Event] = field(default_factory=list)
    changed_users: list[UUID] = field(default_factory=list)
    statements: list[tuple[str, Any]] = field(default_factory=list)
    last_statements: list[tuple[str, Any]] = field(default_factory=list)

    def write(self, statement: str, *parameters: Any) -> None:
        """Have a statement run at the end, in the order of the calls. Its parameters: in order, or one mapping."""
        is_named = len(parameters) == 1 and isinstance(parameters[0], dict)
        self.statements.append((statement, parameters[0] if is_named else parameters))

    def write_last(self, statement: str, *parameters: Any) -> None:
        """Have a statement run after all others: it sees what became of the command itself."""
        self.last_statements.append((statement, parameters))

    def record(
        self,
        event_type: EventType,
        payload: Payload,
        *,
        subject: str,
        personal: Personal | None = None,
        session_id: str | None = None,
        is_new_subject: bool = False,
    ) -> None:
        """Have an event written. Personal fields make (or find) the subject's key now."""
        cipher = None
        if personal is not None and is_new_subject:
            cipher, insert = self.services.subject_keys.make(self.connection, subject)
            self.write(insert.sql, insert.parameters)
        elif personal is not None:
            cipher = self.services.subject_keys.get_or_create(self.connection, subject)
        event = build_event(
            event_type,
            payload=payload,
            subject=subject,
            actor=self.actor,
            now=self.now,
            event_id=new_id(),
            request_id=self.request_id,
            session_id=session_id,
            personal=personal,
            cipher=cipher,
        )
        self.events.append(event)

    def user_changed(self, user_id: UUID) -> None:
        """Have every token core drop what it knows of the user."""
        if user_id not in self.changed_users:
            self.changed_users.append(user_id)

    def request_mail(self, user_id: UUID, template: str, *, link_purpose: str, link_valid: timedelta) -> None:
        """Have a mail with a link sent. Its token is derived from the id that is made here, and stands nowhere."""
        email_id = new_id()
        self.write(
            _INSERT_MAIL,
            email_id,
            user_id,
            template,
            Jsonb({}),
            self.request_id,
            link_purpose,
            self.now + link_valid,
            self.now,
        )
        self.record(
            EventType.EMAIL_REQUESTED, EmailRequested(email_id=str(email_id), template=template), subject=str(user_id)
        )

    def flush(self) -> None:
        """Write it all, in one round trip."""
        with self.connection.pipeline():
            for statement, parameters in (*self.statements, *self.last_statements):
                self.connection.execute(statement.encode(), parameters)
            for user_id in self.changed_users:
                note_change(self.connection, "user", str(user_id))
            insert_events(self.connection, self.events, self.services.outbox_shards)
