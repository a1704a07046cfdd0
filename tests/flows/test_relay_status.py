"""What `make status` shows: lag and depth of every step, whatever is down."""

from __future__ import annotations

from audit_relay.postgres import Session
from audit_relay.redis_stream import AuditStream, connector
from audit_relay.status import pipeline_status
from local.engines.process import free_port
from tests.fixtures.pipeline import notification
from tests.fixtures.relays import TokenCore
from tests.fixtures.sealed import an_event


def ask(books, lane, clickhouse):
    stream = AuditStream(connector(books.redis_url), 0)
    queues = {"audit": lane.audit_queue, "audit_dlq": lane.audit_dlq}
    return pipeline_status(Session(books.dsn), {0: stream}, lane.cloud.client("sqs"), queues, clickhouse)


def depths(status) -> dict[tuple[str, str], int]:
    return {(each["step"], each["shard"]): each["depth"] for each in status["waiting"]}


def test_every_step_shows_what_waits_before_it(books, lane, by_hand, fan_out, load, warehouse):
    core, outbox, stream = TokenCore(books).begin(), by_hand("outbox"), by_hand("stream")
    stream.sealer.seal()  # begins the epoch
    core.append(2)
    books.write_outbox([an_event(index) for index in range(3)])
    assert depths(ask(books, lane, warehouse.client)) == {("mails", ""): 0, ("outbox", "0"): 3, ("stream", "0"): 1}
    outbox.sealer.seal()
    stream.sealer.seal()
    status = ask(books, lane, warehouse.client)
    assert depths(status)["segments", "outbox/0"] == 1
    assert depths(status)["segments", "stream/0"] == 1
    assert status["clickhouse"]["segments_missing"] == 2
    assert status["clickhouse"]["oldest_missing_seconds"] > 0
    lane.cloud.client("sqs").send_message(QueueUrl=lane.audit_queue, MessageBody="x")
    assert ask(books, lane, warehouse.client)["queues"]["audit"] == {"visible": 1, "in_flight": 0, "delayed": 0}
    assert fan_out([bytes(row["body"]).decode() for row in books.segments()]) == []
    assert load([notification(lane.bucket, key) for key in lane.objects()]) == []
    done = ask(books, lane, warehouse.client)["clickhouse"]
    assert done == {"rows": 5, "events": 5, "segments_missing": 0, "oldest_missing_seconds": 0.0}


def test_what_is_down_is_named_and_the_rest_is_told(books, lane):
    books.write_outbox([an_event()])
    books.redis_url = f"redis://:pw@127.0.0.1:{free_port()}"
    status = ask(books, lane, None)
    assert {"step": "outbox", "shard": "0", "depth": 1} in [
        {key: value for key, value in each.items() if key != "oldest_seconds"} for each in status["waiting"]
    ]
    assert [each["step"] for each in status["waiting"] if "error" in each] == ["stream"]
    assert status["clickhouse"] == {"error": "AttributeError"}
