"""Refresh families: one row each, one statement for each thing that can happen to it (P6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.database.outbox import outbox_parameters
from token_core.storage.ports import Family, Rotation

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from events.envelope import Event
    from token_core.storage.database import Database

_FIND = """
SELECT id, user_id, client_id, session_id, scopes, auth_time, amr, acr, generation, current_hash, previous_hash, answer,
       answer_binding, replay_until, idle_expires_at, expires_at, revoked_at
  FROM refresh_families WHERE id = %(id)s
"""
_WRITE_EVENT = """
INSERT INTO outbox (id, shard, envelope)
SELECT event.* FROM unnest(%(outbox_ids)s::uuid[], %(outbox_shards)s::smallint[], %(outbox_envelopes)s::text[]) event, claimed
"""
_ROTATE = f"""
WITH claimed AS (
  UPDATE refresh_families
     SET generation = %(generation)s, current_hash = %(new_hash)s, previous_hash = %(spent_hash)s, answer = %(answer)s,
         answer_binding = %(binding)s, replay_until = %(replay_until)s, rotated_at = %(now)s,
         idle_expires_at = LEAST(%(idle_expires_at)s, expires_at)
   WHERE id = %(id)s AND current_hash = %(spent_hash)s AND revoked_at IS NULL
     AND expires_at > %(now)s AND idle_expires_at > %(now)s
  RETURNING 1)
{_WRITE_EVENT}
"""
_REVOKE = f"""
WITH claimed AS (
  UPDATE refresh_families SET revoked_at = %(now)s, revoke_reason = %(reason)s, answer = NULL
   WHERE id = %(id)s AND revoked_at IS NULL AND (%(client_id)s::uuid IS NULL OR client_id = %(client_id)s)
  RETURNING 1)
{_WRITE_EVENT}
"""


class PostgresFamilies:
    """The `FamilyStore`."""

    def __init__(self, database: Database, outbox_shards: int) -> None:
        self._database, self._shards = database, outbox_shards

    async def find(self, family_id: uuid.UUID) -> Family | None:
        row = await self._database.read_one(_FIND, {"id": family_id})
        if row is None:
            return None
        return Family(
            id=row[0], user_id=row[1], client_id=row[2], session_id=row[3], scopes=tuple(row[4]), auth_time=row[5],
            amr=tuple(row[6]), acr=row[7], generation=row[8], current_hash=row[9], previous_hash=row[10], answer=row[11],
            answer_binding=row[12], replay_until=row[13], idle_expires_at=row[14], expires_at=row[15], revoked_at=row[16],
        )  # fmt: skip

    async def rotate(self, rotation: Rotation) -> bool:
        parameters = {
            "id": rotation.family_id, "generation": rotation.new_generation, "spent_hash": rotation.spent_hash,
            "new_hash": rotation.new_hash, "answer": rotation.answer, "binding": rotation.answer_binding,
            "replay_until": rotation.replay_until, "idle_expires_at": rotation.idle_expires_at, "now": rotation.now,
            **outbox_parameters((rotation.event,), self._shards),
        }  # fmt: skip
        return await self._database.execute(_ROTATE, parameters) == 1

    async def revoke(
        self, family_id: uuid.UUID, reason: str, now: datetime, event: Event, client_id: uuid.UUID | None = None
    ) -> bool:
        parameters = {
            "id": family_id, "reason": reason, "now": now, "client_id": client_id,
            **outbox_parameters((event,), self._shards),
        }  # fmt: skip
        return await self._database.execute(_REVOKE, parameters) == 1
