-- One row per event and segment that it was loaded with. Query the view `events`: it counts each event once.
CREATE TABLE IF NOT EXISTS events_raw
(
    event_id       String                           COMMENT 'UUIDv7, made where the change is made; the only deduplication key',
    type           LowCardinality(String)           COMMENT '<subject>.<past tense>',
    version        Int16                            COMMENT 'of the type''s payload',
    occurred_at    DateTime64(6, 'UTC')             COMMENT 'when it happened',
    producer       String CODEC(ZSTD)               COMMENT 'the writer''s incarnation that numbered and chained it',
    number         Int64 CODEC(Delta, ZSTD)         COMMENT '1, 2, 3 ... within the producer, without gaps',
    hash           String                           COMMENT 'hex of SHA-256(hash before || canonical event)',
    request_id     Nullable(String)                 COMMENT 'the request that it happened in',
    subject        String CODEC(ZSTD)               COMMENT 'whom it is about: a user''s id, client:<client_id>, ...',
    actor          String CODEC(ZSTD)               COMMENT 'who did it',
    client_id      LowCardinality(Nullable(String)) COMMENT 'the OAuth client',
    session_id     Nullable(String)                 COMMENT 'the sign-in session',
    subject_key_id Nullable(String)                 COMMENT 'the key that personal is encrypted with',
    payload        String CODEC(ZSTD)               COMMENT 'JSON text, verbatim',
    personal       Nullable(String)                 COMMENT 'base64url of nonce and AES-256-GCM ciphertext',
    segment_id     String CODEC(ZSTD)               COMMENT 'the cut that it was sealed in; names the Parquet object',
    sealed_at      DateTime64(6, 'UTC') CODEC(ZSTD) COMMENT 'when it was sealed',
    outcome        LowCardinality(Nullable(String)) COMMENT 'from the payload: success or failure',
    reason         LowCardinality(Nullable(String)) COMMENT 'from the payload',
    jti            Nullable(String)                 COMMENT 'from the payload: the access token''s id',
    grant_type     LowCardinality(Nullable(String)) COMMENT 'from the payload',
    address_hash   Nullable(String)                 COMMENT 'from the payload: keyed hash of the network address',
    loaded_at      DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(ZSTD) COMMENT 'when this row came here; not in the lake',
    INDEX segment_id_set segment_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX jti_set        jti        TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX event_id_set   event_id   TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX subject_set    subject    TYPE bloom_filter(0.01)  GRANULARITY 4
)
-- Replacing: what slips past the insert token and the loader's check (a retry after weeks) is one row again when merged.
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (type, occurred_at, event_id)
-- The last 10,000 insert tokens, hours of segments: as replicated tables have them by default.
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every audit event, as in the raw lake; may hold an event twice until merged: query the view events';
