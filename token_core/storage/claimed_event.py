"""The end of every claiming statement: its event goes to the outbox if, and only if, the claim was made (P1)."""

from __future__ import annotations

EVENT_OF_CLAIMED = """
INSERT INTO outbox (id, shard, envelope)
SELECT event.*
  FROM unnest(%(outbox_ids)s::uuid[], %(outbox_shards)s::smallint[], %(outbox_envelopes)s::text[]) event, claimed
"""
"""Follows `WITH claimed AS (… RETURNING 1)`; parameters by `shared.database.outbox.outbox_parameters`."""
