"""The audit search on a real ClickHouse: filters, pages, the watermark, and that reading is itself recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from events.segment import encode
from shared.clock import utc_now
from shared.ids import new_id
from tests.fixtures.pipeline import notification
from tests.fixtures.provisioning import BACKEND
from tests.fixtures.sealed import a_segment, an_event

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def loaded(admin, lane, fan_out, load, warehouse):
    """Ten events of two subjects, one a second, in ClickHouse; Postgres has nothing under way."""
    events = [
        an_event(index, at=AT + timedelta(seconds=index), subject=f"user-{index % 2}", request_id=f"request-{index}")
        for index in range(10)
    ]
    segment = a_segment(events)
    fan_out([encode(segment)])
    load([notification(lane.bucket, lane.objects()[0])])
    admin.stores.append(warehouse.client)
    # what the fixtures themselves did is sealed and forgotten
    admin.desk.connection.execute("DELETE FROM outbox")
    return events


async def search(admin, **parameters):
    answer = await admin.get("/audit/events", **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_events_come_newest_first_in_pages_each_once(admin, loaded):
    seen, cursor = [], None
    while True:
        page = await search(admin, limit=3, **({"after": cursor} if cursor else {}))
        seen += [item["event_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [event.event_id for event in reversed(loaded)]


async def test_filters_narrow_and_bad_ones_are_named(admin, loaded):
    assert len((await search(admin, subject="user-1"))["items"]) == 5
    (one,) = (await search(admin, request_id="request-3"))["items"]
    assert (one["subject"], one["payload"]) == ("user-1", json.loads(loaded[3].payload))
    since, until = (AT + timedelta(seconds=4)).isoformat(), (AT + timedelta(seconds=6)).isoformat()
    assert len((await search(admin, since=since, until=until))["items"]) == 2
    assert (await search(admin, type="user.erased"))["items"] == []
    assert (await search(admin, subject="x' OR '1'='1"))["items"] == []
    for name, value in (("type", "no.type"), ("since", "yesterday"), ("after", "AAAA"), ("limit", 0)):
        answer = await admin.get("/audit/events", **{name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)


async def test_reading_the_audit_is_audited_before_the_answer(admin, desk, loaded):
    await search(admin, subject="user-1", limit=2)
    (event,) = desk.events("audit.searched")
    assert (event["actor"], event["subject"]) == (admin.subject, "user-1")
    assert (event["payload"]["filters"], event["payload"]["events"]) == (["subject"], 2)


async def test_the_watermark_is_now_while_nothing_is_under_way(admin, loaded):
    before = utc_now()
    mark = datetime.fromisoformat((await search(admin))["complete_up_to"])
    assert before - timedelta(seconds=6) < mark < utc_now()


async def test_the_watermark_stops_at_what_is_not_sealed(admin, desk, loaded):
    desk.connection.execute(
        "INSERT INTO outbox (id, envelope, created_at) VALUES (%s, '{}', now() - interval '1 hour')", (new_id(),)
    )
    mark = datetime.fromisoformat((await search(admin))["complete_up_to"])
    assert mark < utc_now() - timedelta(hours=1)


async def test_the_watermark_stops_at_a_sealed_segment_that_clickhouse_lacks(admin, desk, loaded):
    segment, event = new_id(), new_id()
    desk.connection.execute(
        "INSERT INTO sealed_segments (id, shard, state, runs, event_count) VALUES (%s, 'outbox/0', 'sent', '[]', 1)",
        (segment,),
    )
    desk.connection.execute(
        "INSERT INTO outbox (id, envelope, created_at, segment_id) VALUES (%s, '{}', now() - interval '2 hours', %s)",
        (event, segment),
    )
    mark = datetime.fromisoformat((await search(admin))["complete_up_to"])
    assert mark < utc_now() - timedelta(hours=2)


async def test_a_redis_that_cannot_be_asked_makes_the_watermark_earlier_never_later(admin, desk, loaded):
    hour_ago = int((utc_now() - timedelta(hours=1)).timestamp() * 1000)
    desk.connection.execute(
        "INSERT INTO relay_shards (shard, stream_cursor) VALUES ('stream/0', %s)", (f"{hour_ago}-0",)
    )
    mark = datetime.fromisoformat((await search(admin))["complete_up_to"])
    assert mark < utc_now() - timedelta(hours=1)


async def test_while_clickhouse_is_away_the_answer_is_503(admin):
    answer = await admin.get("/audit/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_parked_command_is_edited_by_who_could_ask_for_it_and_then_applied(admin, desk):
    desk.create("a-1", send_welcome=False)
    parked_outcome = desk.command("user.assign_roles", "a-1", {"roles": ["not-there-yet"]})
    (parked,) = (await admin.get("/parked-commands")).json()["items"]
    path = f"/parked-commands/{parked['id']}"
    shown = await admin.get(path)
    body = json.loads(shown.json()["body"])
    mended = {"body": json.dumps(body | {"payload": {"roles": ["member"]}})}
    greedy = {"body": json.dumps(body | {"payload": {"roles": ["clerk"]}})}
    weak = admin.person("commands:edit", "users:write", "roles:assign")
    refused = await admin.send("PUT", f"{path}/body", greedy, by=weak, match=shown)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_held")
    nobody = admin.person("commands:edit")
    assert (await admin.send("PUT", f"{path}/body", mended, by=nobody, match=shown)).status_code == 403
    for change in ({"command_id": "other"}, {"type": "user.erase", "payload": {}}, {"user": {"external_id": "b"}}):
        other = {"body": json.dumps(body | change)}
        assert (await admin.send("PUT", f"{path}/body", other, match=shown)).status_code == 400
    assert (await admin.send("PUT", f"{path}/body", mended)).status_code == 428
    edited = await admin.send("PUT", f"{path}/body", mended, by=weak, match=shown)
    assert edited.status_code == 200, edited.text
    assert (await admin.send("PUT", f"{path}/body", mended, match=shown)).status_code == 412
    await admin.post(f"{path}/redrive")
    (message,) = admin.taken()
    assert desk.take(desk.raw(message["Body"], group="a-1", sender="AROAADMINAPIADMINAPIAD:lambda")).state == "applied"
    status = (await admin.get(f"/commands/{BACKEND}/{parked_outcome.command_id}")).json()
    assert status["state"] == "applied"
    (event,) = desk.events("command.edited")
    assert event["payload"]["fields"] == ["payload.roles"]
