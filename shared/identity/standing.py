"""Whether what a genuine, unexpired access token rests on still stands: asked at the platform's own endpoints.

Ids of tokens, sessions and families are UUIDv7: they tell when each was made, to the millisecond.
"""

from __future__ import annotations

STANDS = """
SELECT NOT EXISTS (SELECT 1 FROM platform_instants WHERE name = 'not_before' AND %(jti)s::uuid < uuid7_floor(instant))
   AND NOT EXISTS (SELECT 1 FROM clients WHERE client_id = %(client_id)s AND %(jti)s::uuid < uuid7_floor(not_before))
   AND NOT EXISTS (SELECT 1 FROM users WHERE id = %(user_id)s::uuid AND %(jti)s::uuid < uuid7_floor(not_before))
   AND NOT EXISTS (SELECT 1 FROM revoked_access_tokens WHERE jti = %(jti)s::uuid)
   AND (%(user_id)s::uuid IS NULL OR EXISTS (SELECT 1 FROM users WHERE id = %(user_id)s::uuid AND status = 'active'))
   AND (%(session_id)s::uuid IS NULL
        OR EXISTS (SELECT 1 FROM sign_in_sessions WHERE id = %(session_id)s::uuid AND ended_at IS NULL))
   AND (%(grant_id)s::uuid IS NULL
        OR EXISTS (SELECT 1 FROM refresh_families WHERE id = %(grant_id)s::uuid AND revoked_at IS NULL))
"""
"""Parameters: jti, client_id (the public one), user_id, session_id, grant_id; the last three may be null."""
