-- Per hour (UTC): people's successful and failed sign-ins, and failures beyond the quota that were only counted.
SELECT toStartOfHour(occurred_at, 'UTC') AS hour,
       countIf(type = 'sign_in.succeeded') AS succeeded,
       countIf(type = 'sign_in.failed') AS failed,
       coalesce(sumIf(counted, type = 'failures.counted'), 0) AS failed_only_counted
FROM (
    SELECT DISTINCT event_id, type, occurred_at, JSONExtractUInt(payload, 'count') AS counted
    FROM {events}
    WHERE type IN ('sign_in.succeeded', 'sign_in.failed')
       OR (type = 'failures.counted' AND JSONExtractString(payload, 'type') = 'sign_in.failed')
)
GROUP BY hour
