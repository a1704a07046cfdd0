-- Every audit event, once, whatever was loaded twice.
SELECT event_id, type, version, occurred_at, producer, number, hash, request_id, subject, actor, client_id, session_id,
       subject_key_id, payload, personal, segment_id, sealed_at, outcome, reason, jti, grant_type, address_hash
FROM {events} FINAL
