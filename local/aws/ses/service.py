"""SES v2's SendEmail, event destinations of configuration sets, and the mailbox that keeps what was sent."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from local.aws.ses.events import events_of
from local.aws.ses.mail import Mail, SesError, mail_from

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from local.aws.database import Database

_DESTINATIONS = re.compile(r"/v2/email/configuration-sets/([^/]+)/event-destinations(?:/([^/]+))?/?")
SEND_PATH = "/v2/email/outbound-emails"


class SesService:
    """Sending and reading back.

    Args:
        backend: moto's SES backend of the region: identities and configuration sets.
        events_queue: the queue that events reach; None sends none.
    """

    def __init__(
        self, database: Database, backend: Callable[[], Any], region: str, account_id: str, events_queue: str | None
    ) -> None:
        self._database, self._backend, self._events_queue = database, backend, events_queue
        self._region, self._account_id = region, account_id

    @staticmethod
    def handles(method: str, path: str) -> bool:
        """Whether a request is this module's; all else of SES is moto's."""
        return (method == "POST" and path == SEND_PATH) or _DESTINATIONS.fullmatch(path) is not None

    def handle(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """Answer the request.

        Raises:
            SesError: whatever SES would refuse.
        """
        try:
            parameters = json.loads(body or b"{}")
        except ValueError:
            raise SesError("SerializationException", "The body is not JSON.") from None
        if path == SEND_PATH:
            return {"MessageId": self._send(parameters)}
        found = _DESTINATIONS.fullmatch(path)
        if found is None:
            raise SesError("NotFoundException", "No such operation.", 404)
        return self._event_destination(method, found.group(1), found.group(2), parameters)

    def _send(self, parameters: dict[str, Any]) -> str:
        mail = mail_from(parameters)
        self._check(mail)
        messages = []
        if self._events_queue and mail.configuration_set:
            wanted = self._wanted_events(mail.configuration_set)
            messages = [
                (self._events_queue, json.dumps(event))
                for event in events_of(mail, self._region, self._account_id)
                if event["detail"]["eventType"].upper() in wanted
            ]
        with self._database.transaction() as db:
            made = db.execute(
                "INSERT INTO mails (id, sent_ms, body) VALUES (?, ?, ?)",
                [mail.id, time.time_ns() // 1_000_000, json.dumps(mail.to_json())],
            )
            addresses = {(address.lower(), made.lastrowid) for address in mail.recipients}
            db.executemany("INSERT INTO mail_recipients VALUES (?, ?)", addresses)
            db.executemany("INSERT INTO outbox (queue, body) VALUES (?, ?)", messages)
        return mail.id

    def _check(self, mail: Mail) -> None:
        backend = self._backend()
        if mail.configuration_set and mail.configuration_set not in backend.config_sets:
            raise SesError("NotFoundException", f"Configuration set <{mail.configuration_set}> does not exist.", 404)
        address = mail.sender_address
        domain = address.rpartition("@")[2]
        parents = {".".join(domain.split(".")[n:]) for n in range(domain.count(".") + 1)}
        verified = {str(name).lower() for name in backend.email_identities}
        if not ({address.lower()} | {parent.lower() for parent in parents}) & verified:
            message = "Email address is not verified. The following identities failed the check in region "
            raise SesError("MessageRejected", f"{message}{self._region.upper()}: {mail.sender}")

    def _wanted_events(self, configuration_set: str) -> set[str]:
        rows = self._database.reader.execute(
            "SELECT body FROM ses_event_destinations WHERE configuration_set = ?", [configuration_set]
        )
        wanted: set[str] = set()
        for row in rows:
            destination = json.loads(row["body"])
            if destination.get("Enabled") and "EventBridgeDestination" in destination:
                wanted |= set(destination.get("MatchingEventTypes") or [])
        return wanted

    def _event_destination(
        self, method: str, configuration_set: str, name: str | None, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        if configuration_set not in self._backend().config_sets:
            raise SesError("NotFoundException", f"Configuration set <{configuration_set}> does not exist.", 404)
        known = self._destinations(configuration_set)
        if method == "GET" and name is None:
            return {"EventDestinations": [{"Name": key, **value} for key, value in known.items()]}
        name = name or str(parameters.get("EventDestinationName") or "")
        if not name:
            raise SesError("BadRequestException", "EventDestinationName is missing.")
        if method == "POST" and name in known:
            raise SesError("AlreadyExistsException", f"Event destination <{name}> already exists.")
        if method in {"PUT", "DELETE"} and name not in known:
            raise SesError("NotFoundException", f"Event destination <{name}> does not exist.", 404)
        with self._database.transaction() as db:
            if method == "DELETE":
                sql = "DELETE FROM ses_event_destinations WHERE configuration_set = ? AND name = ?"
                db.execute(sql, [configuration_set, name])
            elif method in {"POST", "PUT"}:
                body = json.dumps(parameters.get("EventDestination") or {})
                sql = "INSERT OR REPLACE INTO ses_event_destinations VALUES (?, ?, ?)"
                db.execute(sql, [configuration_set, name, body])
            else:
                raise SesError("BadRequestException", "No such operation.")
        return {}

    def _destinations(self, configuration_set: str) -> dict[str, dict[str, Any]]:
        rows = self._database.reader.execute(
            "SELECT name, body FROM ses_event_destinations WHERE configuration_set = ? ORDER BY name",
            [configuration_set],
        )
        return {row["name"]: json.loads(row["body"]) for row in rows}

    # The mailbox

    def mails(self, limit: int, to: str, after: str) -> list[dict[str, Any]]:
        """Newest first. `to` is a recipient's address; `after` the id of a mail: only later ones are wanted."""
        sql = (
            "SELECT body FROM mails"
            " WHERE (:to = '' OR sequence IN (SELECT mail FROM mail_recipients WHERE address = :to))"
            " AND sequence > coalesce((SELECT sequence FROM mails WHERE id = :after), 0)"
            " ORDER BY sequence DESC LIMIT :n"
        )
        rows = self._database.reader.execute(sql, {"to": to.lower(), "after": after, "n": limit})
        return [json.loads(row["body"]) for row in rows]

    def mail(self, identifier: str) -> dict[str, Any] | None:
        row: sqlite3.Row | None = self._database.reader.execute(
            "SELECT body FROM mails WHERE id = ?", [identifier]
        ).fetchone()
        found: dict[str, Any] | None = json.loads(row["body"]) if row else None
        return found
