"""What a genuine access token rests on: asked at our own endpoints, so that every revocation acts there at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.identity.standing import STANDS
from token_core.storage.claimed_event import EVENT_OF_CLAIMED, event_parameters
from token_core.storage.ports import Person

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from events.envelope import Event
    from token_core.storage.database import Database

_REVOKE = f"""
WITH claimed AS (
  INSERT INTO revoked_access_tokens (jti, expires_at, revoked_at) VALUES (%(jti)s, %(expires_at)s, %(now)s)
  ON CONFLICT DO NOTHING RETURNING 1)
{EVENT_OF_CLAIMED}"""  # noqa: S608 - of constants
_PERSON = "SELECT email, email_verified_at IS NOT NULL, profile FROM users WHERE id = %(id)s AND status = 'active'"


class PostgresStanding:
    """The `TokenStanding`."""

    def __init__(self, database: Database, outbox_shards: int) -> None:
        self._database, self._shards = database, outbox_shards

    async def stands(
        self,
        jti: uuid.UUID,
        *,
        client_id: str,
        user_id: uuid.UUID | None,
        session_id: uuid.UUID | None,
        grant_id: uuid.UUID | None,
    ) -> bool:
        parameters = {
            "jti": jti, "client_id": client_id, "user_id": user_id, "session_id": session_id, "grant_id": grant_id,
        }  # fmt: skip
        row = await self._database.read_one(STANDS, parameters)
        return row is not None and row[0]

    async def revoke(self, jti: uuid.UUID, expires_at: datetime, now: datetime, event: Event) -> bool:
        parameters = {"jti": jti, "expires_at": expires_at, "now": now, **event_parameters(event, self._shards)}
        return await self._database.execute(_REVOKE, parameters) == 1


class PostgresPeople:
    """`People`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_active(self, user_id: uuid.UUID) -> Person | None:
        row = await self._database.read_one(_PERSON, {"id": user_id})
        return None if row is None else Person(*row)
