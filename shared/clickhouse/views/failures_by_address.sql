-- Per keyed hash of a network address: failures of any type, how many identifiers they were aimed at, first and last.
SELECT assumeNotNull(address_hash) AS address,
       uniqExact(event_id) AS failures,
       uniqExactIf(JSONExtractString(payload, 'identifier_hash'), JSONHas(payload, 'identifier_hash')) AS identifiers,
       min(occurred_at) AS first_at,
       max(occurred_at) AS last_at
FROM {events}
WHERE outcome = 'failure' AND address_hash IS NOT NULL
GROUP BY address
