"""P3: what is sealed can be proven from the lake's columns, the producers' heads and the signed checkpoints alone."""

from __future__ import annotations

import json

import pytest

from events.chain import genesis
from tests.fixtures.pipeline import lake_rows, until
from tests.fixtures.relays import TokenCore
from tests.fixtures.sealed import an_event, broken_chains, chained

pytestmark = pytest.mark.alone


@pytest.fixture
def sealed_lake(books, lane, start_relay, fan_out):
    """A stream producer and an outbox, sealed, signed and written."""
    core = TokenCore(books).begin()
    relay = start_relay(checkpoint_interval_seconds=1)
    until(relay.is_ready, "ready")
    for _ in range(4):
        core.append(5)
        books.write_outbox([an_event(index) for index in range(5)])
        sent = books.value("SELECT count(*) FROM sealed_segments WHERE state = 'sent'")
        until(lambda sent=sent: books.value("SELECT count(*) FROM sealed_segments WHERE state = 'sent'") > sent, "sent")
    until(
        lambda: books.value("SELECT coalesce(sum(event_count), 0) FROM sealed_segments WHERE state = 'sent'") == 40,
        "all",
    )
    assert relay.process.stop() == 0
    assert fan_out(lane.take_all(lane.audit_queue)) == []
    return lake_rows(lane)


def signed_heads(books) -> dict[str, tuple[int, str]]:
    heads = {}
    for row in books.rows("SELECT body FROM audit_checkpoints ORDER BY id"):
        for each in json.loads(row["body"])["producers"]:
            heads[each["producer"]] = (each["sealed_number"], each["sealed_hash"])
    return heads


def lake_heads(rows) -> dict[str, tuple[int, str]]:
    heads = {}
    for row in sorted(rows, key=lambda row: row["number"]):
        heads[row["producer"]] = (row["number"], row["hash"])
    return heads


def test_the_last_checkpoint_signs_exactly_the_heads_that_the_lake_has(books, sealed_lake):
    assert broken_chains(sealed_lake) == []
    assert len(lake_heads(sealed_lake)) == 2
    assert signed_heads(books) == lake_heads(sealed_lake)


def test_a_tamperer_who_rehashes_all_that_follows_contradicts_the_signed_head(books, sealed_lake):
    producer = next(row["producer"] for row in sealed_lake if row["producer"].startswith("stream/"))
    own = sorted((row for row in sealed_lake if row["producer"] == producer), key=lambda row: row["number"])
    forged = chained(producer, [an_event(index) for index in range(len(own))])
    for row, sealed in zip(own, forged, strict=True):
        row.update(
            {name: getattr(sealed.event, name) for name in ("event_id", "payload", "request_id", "subject", "actor")}
        )
        row.update({"hash": sealed.hash, "client_id": sealed.event.client_id})
        row["occurred_at"] = type(row["occurred_at"]).fromisoformat(sealed.event.occurred_at)
    assert broken_chains(sealed_lake) == []  # the chain alone is whole again
    assert signed_heads(books)[producer] != lake_heads(sealed_lake)[producer]


def test_a_missing_tail_contradicts_the_signed_head(books, sealed_lake):
    producer = next(row["producer"] for row in sealed_lake if row["producer"].startswith("outbox/"))
    shorter = [row for row in sealed_lake if row["producer"] != producer or row["number"] < 18]
    assert broken_chains(shorter) == []
    assert signed_heads(books)[producer] != lake_heads(shorter)[producer]


def test_every_run_continues_the_head_before_it(books, sealed_lake):
    heads: dict[str, str] = {}
    for segment in books.segments():
        for run in segment["runs"]:
            assert run["previous_hash"] == heads.get(run["producer"], genesis(run["producer"]).hex())
            heads[run["producer"]] = run["head_hash"]
    assert {name: digest for name, (_, digest) in lake_heads(sealed_lake).items()} == heads
