-- Per client, grant type and day (UTC): access tokens issued and requests denied.
SELECT assumeNotNull(client_id) AS client,
       coalesce(grant_type, '') AS grant,
       toDate(occurred_at, 'UTC') AS day,
       uniqExactIf(event_id, type = 'token.issued') AS issued,
       uniqExactIf(event_id, type = 'token.denied') AS denied
FROM {events}
WHERE type IN ('token.issued', 'token.denied') AND client_id IS NOT NULL
GROUP BY client, grant, day
