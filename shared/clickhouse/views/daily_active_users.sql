-- Per day (UTC): people who signed in or were issued a token.
SELECT toDate(occurred_at, 'UTC') AS day,
       uniqExact(subject) AS users
FROM {events}
WHERE type IN ('sign_in.succeeded', 'token.issued') AND NOT startsWith(subject, 'client:')
GROUP BY day
