"""The relay as a service, on real stores: sends, hands over mails, signs, tells its health, drains."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from typing import Any

import httpx
import pytest

from events.segment import decode
from local.engines.process import ForegroundProcess, free_port
from shared.ids import new_id
from tests.fixtures.pipeline import until
from tests.fixtures.relays import TokenCore
from tests.fixtures.sealed import an_event


def unsent(books) -> int:
    return books.value("SELECT count(*) FROM sealed_segments WHERE state = 'sealed'")


def sent(books) -> int:
    return books.value("SELECT coalesce(sum(event_count), 0) FROM sealed_segments WHERE state = 'sent'")


def queue_mail(books, count: int = 1) -> list[str]:
    ids = [new_id() for _ in range(count)]
    for each in ids:
        books.rows("INSERT INTO email_log (id, user_id, template) VALUES (%s, %s, 'welcome')", [each, new_id()])
    return [str(each) for each in ids]


def test_stream_and_outbox_reach_the_queue_and_leave_the_stream(books, lane, start_relay):
    core = TokenCore(books).begin()
    core.append(20)
    books.write_outbox([an_event(index) for index in range(10)])
    until(start_relay().is_ready, "ready")
    until(lambda: sent(books) == 30, "everything sent")
    segments = [decode(body) for body in lane.take_all(lane.audit_queue)]
    assert sum(len(segment.lines) for segment in segments) == 30
    assert books.value("SELECT count(*) FROM sealed_segments WHERE body IS NOT NULL") == 0
    with books.redis() as client:
        until(lambda: client.xlen("audit:{0}:stream") == 0, "trimmed")


def test_sqs_down_loses_nothing_and_what_is_sent_later_is_what_was_recorded(books, lane, start_relay, monkeypatch):
    port = free_port()
    relay = start_relay(aws_endpoint_url_sqs=f"http://127.0.0.1:{port}")
    books.write_outbox([an_event(index) for index in range(10)])
    until(lambda: unsent(books) == 1, "sealed without a queue")
    recorded = bytes(books.segments()[0]["body"])
    until(lambda: relay.get("/health/ready").status_code == 503, "not ready")
    assert relay.get("/health/live").status_code == 200
    books.write_outbox([an_event(index) for index in range(5)])
    until(lambda: unsent(books) == 2, "sealing goes on")
    (folder := relay.process.log_path.parent / "late-sqs").mkdir()
    sqs = [sys.executable, "-m", "local.sqs", "--port", str(port), "--data", str(folder)]
    with ForegroundProcess(sqs, log_path=folder / "log") as late:
        late.wait_until(lambda: _listens(port))
        client = lane.cloud.__class__(lane.cloud.endpoint_url, f"http://127.0.0.1:{port}").client("sqs")
        name = lane.audit_queue.rsplit("/", 1)[1]
        url = client.create_queue(QueueName=name, Attributes={"MaximumMessageSize": "1048576"})["QueueUrl"]
        until(lambda: unsent(books) == 0, "sent when the queue is back")
        bodies = [m["Body"] for m in client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert recorded.decode() in bodies


def _listens(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False


def test_queued_mails_are_handed_over_once_each(books, lane, start_relay):
    ids = queue_mail(books, 23)
    start_relay(), start_relay()
    until(lambda: books.value("SELECT count(*) FROM email_log WHERE state = 'handed_over'") == 23, "handed over")
    bodies = [json.loads(body) for body in lane.take_all(lane.email_queue)]
    assert sorted(body["email_id"] for body in bodies) == sorted(ids)
    assert {body["version"] for body in bodies} == {1}


def test_checkpoints_are_signed_and_chained(books, lane, start_relay):
    core = TokenCore(books).begin()
    core.append(3)
    relay = start_relay(checkpoint_interval_seconds=1)
    until(lambda: sent(books) == 3, "sent")
    until(
        lambda: (
            books.value("SELECT max(body::jsonb -> 'producers' -> 0 ->> 'sealed_number') FROM audit_checkpoints") == "3"
        ),
        "a checkpoint",
    )
    assert relay.process.stop() == 0
    kms, previous = lane.cloud.client("kms"), None
    for row in books.rows("SELECT * FROM audit_checkpoints ORDER BY id"):
        body = json.loads(row["body"])
        answer = kms.verify(
            KeyId=lane.kms_key,
            Message=sha256(row["body"].encode()).digest(),
            MessageType="RAW",
            Signature=bytes(row["signature"]),
            SigningAlgorithm="ECDSA_SHA_256",
        )
        assert answer["SignatureValid"]
        assert body["previous_digest"] == (previous and sha256(previous.encode()).hexdigest())
        previous = row["body"]
    last = json.loads(previous)["producers"][0]
    assert (last["producer"], last["sealed_number"], last["sealed_hash"]) == (core.producer, 3, core.sealed[-1].hash)


def test_a_kms_that_is_down_holds_nothing_up(books, lane, start_relay):
    relay = start_relay(aws_endpoint_url_kms=f"http://127.0.0.1:{free_port()}", checkpoint_interval_seconds=1)
    books.write_outbox([an_event(index) for index in range(3)])
    until(lambda: sent(books) == 3, "sent without checkpoints")
    until(lambda: relay.get("/health/ready").json()["loops"]["checkpoints"] != "ok", "it says so")
    assert books.rows("SELECT * FROM audit_checkpoints") == []


def test_a_redis_that_is_down_holds_the_outbox_up_not(books, lane, start_relay):
    relay = start_relay(redis_url=f"redis://:pw@127.0.0.1:{free_port()}")
    books.write_outbox([an_event(index) for index in range(3)])
    until(lambda: sent(books) == 3, "sent without Redis")
    states: dict[str, Any] = relay.get("/health/ready").json()["loops"]
    assert states["outbox/0 seal"] == "ok"
    assert states["stream/0 seal"] != "ok"


def test_sigterm_drains_and_gives_the_leases_back(books, lane, start_relay):
    relay = start_relay(cut_interval_seconds=60, relay_lease_seconds=100)
    until(relay.is_ready, "ready")
    books.write_outbox([an_event()])
    until(lambda: sent(books) == 1, "the first cut")
    books.write_outbox([an_event(index) for index in range(4)])  # the next cut is a minute away
    assert relay.process.stop() == 0
    assert sent(books) == 5
    assert books.value("SELECT count(*) FROM relay_shards WHERE holder IS NOT NULL") == 0


def test_metrics_tell_lag_and_depth(books, lane, start_relay):
    relay = start_relay(aws_endpoint_url_sqs=f"http://127.0.0.1:{free_port()}")
    books.write_outbox([an_event(index) for index in range(3)])
    queue_mail(books, 2)
    until(lambda: unsent(books) == 1, "sealed")
    until(lambda: 'relay_depth{shard="outbox/0",step="segments"} 1.0' in relay.get("/metrics").text, "measured")
    text = relay.get("/metrics").text
    assert 'relay_depth{shard="",step="mails"} 2.0' in text
    assert 'relay_events_sealed_total{shard="outbox/0"} 3.0' in text
    assert relay.get("/nothing").status_code == 404


def test_a_wrong_setting_is_named_and_the_relay_refuses_to_start(lane):
    done = subprocess.run(
        [sys.executable, "-m", "audit_relay"],
        capture_output=True,
        text=True,
        env={"RELAY_LEASE_SECONDS": "0", "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 2
    assert "RELAY_LEASE_SECONDS: got '0', expected seconds that a shard's lease lasts, 1 to 120" in done.stderr
    assert "AUDIT_QUEUE_URL: got nothing" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.alone
def test_a_restarted_postgres_is_used_again_and_nothing_is_lost(lane, start_relay, books, tmp_path):
    from tests.fixtures.engines import start_postgres

    own = start_postgres(tmp_path / "pg")
    try:
        from shared.database.migrate import migrate

        books.dsn = own.server.ensure_database("own")
        migrate(books.dsn)
        relay = start_relay()
        until(relay.is_ready, "ready")
        books.write_outbox([an_event(index) for index in range(4)])
        until(lambda: sent(books) == 4, "sent before")
        own.process.kill()
        until(lambda: relay.get("/health/ready").status_code == 503, "not ready")
        again = ForegroundProcess(own.process.argv, own.process.stop_signal, own.process.log_path).start()
        try:
            own.server.wait_until_ready(again)
            books.write_outbox([an_event(index) for index in range(6)])
            until(lambda: sent(books) == 10, "sent after")
            until(relay.is_ready, "ready again")
            relay.process.stop()
        finally:
            again.stop()
    finally:
        own.process.stop()
