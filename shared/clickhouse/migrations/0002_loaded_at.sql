-- How fresh the data is: loaded_at - occurred_at.
ALTER TABLE events_raw
    ADD COLUMN IF NOT EXISTS loaded_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD)
    COMMENT 'when the row came to be here; a rebuild sets it anew'
