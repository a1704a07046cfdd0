"""The ledger of spent codes: whoever inserts the hash has the code, whatever Redis remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.identity.not_before import is_after_not_before
from token_core.storage.claimed_event import EVENT_OF_CLAIMED, event_parameters
from token_core.storage.ports import NewFamily, Redemption, Spent

if TYPE_CHECKING:
    from datetime import datetime

    from events.envelope import Event
    from token_core.storage.database import Database

# The user's and the session's row are locked against change: what ends them either comes before and is seen here, or
# comes after and sees the family.
_REDEEM = f"""
WITH person AS (SELECT 1 FROM users WHERE id = %(user_id)s AND status = 'active' FOR SHARE),
session AS (
  SELECT 1 FROM sign_in_sessions
   WHERE id = %(session_id)s AND user_id = %(user_id)s AND ended_at IS NULL AND expires_at > %(now)s
     AND {is_after_not_before("id")} FOR SHARE),
claimed AS (
  INSERT INTO redeemed_codes (code_hash, issued_at, family_id, jti, access_token_expires_at, redeemed_at)
  SELECT %(code_hash)s, %(issued_at)s, %(family_id)s::uuid, %(jti)s, %(access_token_expires_at)s, %(now)s
    FROM person, session
  ON CONFLICT (code_hash, issued_at) DO NOTHING RETURNING 1),
family AS (
  INSERT INTO refresh_families (id, user_id, client_id, session_id, scopes, auth_time, amr, acr, current_hash,
                                rotated_at, created_at, idle_expires_at, expires_at)
  SELECT %(family_id)s::uuid, %(user_id)s, %(client_id)s::uuid, %(session_id)s, %(scopes)s::text[],
         %(auth_time)s::timestamptz, %(amr)s::text[], %(acr)s::text, %(token_hash)s::bytea, %(now)s, %(now)s,
         %(idle_expires_at)s::timestamptz, %(expires_at)s::timestamptz
    FROM claimed WHERE %(family_id)s::uuid IS NOT NULL)
{EVENT_OF_CLAIMED}"""  # noqa: S608 - of constants
_FIND_SPENT = """
SELECT f.client_id, r.family_id, r.jti, r.access_token_expires_at
  FROM redeemed_codes r LEFT JOIN refresh_families f ON f.id = r.family_id
 WHERE r.code_hash = %(code_hash)s AND r.issued_at = %(issued_at)s
"""
_REVOKE = f"""
WITH family AS (
  UPDATE refresh_families SET revoked_at = %(now)s, revoke_reason = 'code_reused', answer = NULL
   WHERE id = %(family_id)s AND revoked_at IS NULL RETURNING 1),
claimed AS (
  INSERT INTO revoked_access_tokens (jti, expires_at, revoked_at) VALUES (%(jti)s, %(access_token_expires_at)s, %(now)s)
  ON CONFLICT DO NOTHING RETURNING 1)
{EVENT_OF_CLAIMED}"""  # noqa: S608 - of constants
_NO_FAMILY: dict[str, Any] = dict.fromkeys(
    ("family_id", "client_id", "scopes", "auth_time", "amr", "acr", "token_hash", "idle_expires_at", "expires_at")
)


class PostgresLedger:
    """The `CodeLedger`."""

    def __init__(self, database: Database, outbox_shards: int) -> None:
        self._database, self._shards = database, outbox_shards

    async def redeem(self, redemption: Redemption) -> bool:
        parameters = {
            "code_hash": redemption.code_hash, "issued_at": redemption.issued_at, "user_id": redemption.user_id,
            "session_id": redemption.session_id, "jti": redemption.jti, "now": redemption.now,
            "access_token_expires_at": redemption.access_token_expires_at,
            **(_NO_FAMILY if redemption.family is None else _family(redemption.family)),
            **event_parameters(redemption.event, self._shards),
        }  # fmt: skip
        return await self._database.execute(_REDEEM, parameters) == 1

    async def find_spent(self, code_hash: bytes, issued_at: datetime) -> Spent | None:
        row = await self._database.read_one(_FIND_SPENT, {"code_hash": code_hash, "issued_at": issued_at})
        return None if row is None else Spent(*row)

    async def revoke_what_it_gave(self, spent: Spent, now: datetime, event: Event) -> bool:
        parameters = {
            "family_id": spent.family_id, "jti": spent.jti, "now": now,
            "access_token_expires_at": spent.access_token_expires_at, **event_parameters(event, self._shards),
        }  # fmt: skip
        return await self._database.execute(_REVOKE, parameters) == 1


def _family(family: NewFamily) -> dict[str, Any]:
    return {
        "family_id": family.id, "client_id": family.client_id, "scopes": list(family.scopes),
        "auth_time": family.auth_time, "amr": list(family.amr), "acr": family.acr, "token_hash": family.token_hash,
        "idle_expires_at": family.idle_expires_at, "expires_at": family.expires_at,
    }  # fmt: skip
