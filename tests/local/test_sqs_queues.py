"""SQS: queues, their attributes and tags, and the protocol"""

from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
import uuid

import pytest

from local.sqs import Limits
from tests.local.sqs_server import ACCOUNT, REGION, SqsServer, bodies, make_queue, refused, server_in_thread


def test_creating_the_same_queue_again_returns_it(sqs):
    """CreateQueue is idempotent for the same attributes, and for none; other values are QueueNameExists."""
    queue = make_queue(sqs, VisibilityTimeout="7")
    assert make_queue(sqs, name=queue.name, VisibilityTimeout="7").url == queue.url
    assert make_queue(sqs, name=queue.name).url == queue.url
    with pytest.raises(sqs.exceptions.QueueNameExists):
        make_queue(sqs, name=queue.name, VisibilityTimeout="8")


def test_queue_name_must_fit_its_type(sqs):
    """1 to 80 letters, digits, hyphens, underscores; .fifo exactly for FIFO queues."""
    for name, attributes in (
        ("with space", {}),
        ("x" * 81, {}),
        ("plain.fifo", {}),
        ("plain", {"FifoQueue": "true"}),
    ):
        with refused("InvalidParameterValue"):
            make_queue(sqs, name=name, **attributes)


def test_missing_queue_is_the_documented_error(sqs):
    """QueueDoesNotExist, whose x-amzn-query-error is AWS.SimpleQueueService.NonExistentQueue."""
    url = make_queue(sqs).url + "-not"
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url, MessageBody="m")
    for call in (
        lambda: sqs.send_message(QueueUrl=url, MessageBody="m"),
        lambda: sqs.receive_message(QueueUrl=url),
        lambda: sqs.get_queue_url(QueueName="nowhere"),
        lambda: sqs.get_queue_url(QueueName=url.rsplit("/", 1)[1], QueueOwnerAWSAccountId="111111111111"),
    ):
        with refused("AWS.SimpleQueueService.NonExistentQueue"):
            call()


def test_deleted_queue_takes_its_messages_along_and_keeps_its_name_for_a_minute(sqs):
    """DeleteQueue; then the name is QueueDeletedRecently for 60 seconds."""
    queue = make_queue(sqs)
    queue.send("m")
    sqs.delete_queue(QueueUrl=queue.url)
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        queue.receive()
    with pytest.raises(sqs.exceptions.QueueDeletedRecently):
        make_queue(sqs, name=queue.name)


def test_name_of_a_deleted_queue_is_free_after_its_time(tmp_path):
    """A queue made anew under an old name is empty and remembers no deduplication."""
    with server_in_thread(tmp_path, Limits(deleted_name_seconds=0)) as client:
        queue = make_queue(client, fifo=True)
        queue.send_fifo("old", MessageDeduplicationId="d")
        client.delete_queue(QueueUrl=queue.url)
        again = make_queue(client, fifo=True, name=queue.name)
        again.send_fifo("new", MessageDeduplicationId="d")
        assert bodies(again.receive()) == ["new"]


def test_queues_are_found_and_listed_in_pages(sqs):
    """GetQueueUrl; ListQueues by prefix, MaxResults and NextToken."""
    prefix = uuid.uuid4().hex[:10]
    urls = [make_queue(sqs, name=f"{prefix}-{n}").url for n in range(5)]
    assert sqs.get_queue_url(QueueName=f"{prefix}-3")["QueueUrl"] == urls[3]
    assert sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"] == urls
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2})
    assert [page["QueueUrls"] for page in pages] == [urls[:2], urls[2:4], urls[4:]]


def test_attributes_have_awss_defaults_and_take_new_values(sqs):
    """Defaults as documented (1 MiB, 4 days, 30 s ...); SetQueueAttributes changes them; LastModifiedTimestamp follows."""
    queue = make_queue(sqs)
    values = queue.attributes()
    assert {name: values[name] for name in values if "Timestamp" not in name} == {
        "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.name}",
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0",
        "VisibilityTimeout": "30",
        "SqsManagedSseEnabled": "true",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    queue.set(VisibilityTimeout="9", Policy=policy)
    assert queue.attributes("VisibilityTimeout", "Policy") == {"VisibilityTimeout": "9", "Policy": policy}


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "-1"}, "InvalidAttributeValue"),
        ({"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"),
        ({"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ({"ReceiveMessageWaitTimeSeconds": "21"}, "InvalidAttributeValue"),
        ({"Policy": "not json"}, "InvalidAttributeValue"),
        ({"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ({"NoSuchAttribute": "1"}, "InvalidAttributeName"),
        ({"QueueArn": "x"}, "InvalidAttributeName"),
    ],
)
def test_bad_queue_attribute_is_refused(sqs, attributes, code):
    """InvalidAttributeValue out of range, InvalidAttributeName for unknown ones and FIFO ones on a standard queue."""
    with refused(code):
        make_queue(sqs).set(**attributes)


def test_purge_empties_the_queue_once_a_minute(sqs):
    """PurgeQueue takes all messages, in flight too; a second one within 60 seconds is PurgeQueueInProgress."""
    queue = make_queue(sqs)
    queue.send("visible")
    queue.send("in flight")
    queue.receive(1)
    sqs.purge_queue(QueueUrl=queue.url)
    assert queue.counts() == (0, 0, 0)
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=queue.url)


def test_tags_are_kept(sqs):
    """TagQueue, UntagQueue, ListQueueTags, and tags given to CreateQueue."""
    url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}", tags={"team": "identity"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"env": "local"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "identity", "env": "local"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"env": "local"}


def test_message_older_than_the_retention_period_is_gone(tmp_path):
    """MessageRetentionPeriod (60 s at least) after it was sent a message is deleted, also when nobody asked meanwhile."""
    server = SqsServer(tmp_path)
    try:
        queue = make_queue(server.client(), MessageRetentionPeriod="60")
        fifo = make_queue(server.client(), fifo=True, MessageRetentionPeriod="60")
        queue.send("old")
        fifo.send_fifo("old")
        server.stop()
        with sqlite3.connect(tmp_path / "sqs.sqlite3") as database:
            database.execute("UPDATE messages SET sent_ms = sent_ms - 60000")
        database.close()
        server.start()
        queue.send("young")
        fifo.send_fifo("young")
        assert bodies(queue.receive()) == ["young"]
        assert bodies(fifo.receive()) == ["young"]
    finally:
        server.kill()


def test_standard_queue_refuses_more_than_its_in_flight_limit(tmp_path):
    """OverLimit when as many messages are in flight as may be (120,000; here 3), until one is deleted."""
    with server_in_thread(tmp_path, Limits(standard_in_flight=3)) as client:
        queue = make_queue(client)
        for n in range(5):
            queue.send(str(n))
        held = queue.receive()
        assert len(held) == 3
        with pytest.raises(client.exceptions.OverLimit):
            queue.receive()
        queue.delete(held[0])
        assert len(queue.receive()) == 1


def test_fifo_queue_at_its_in_flight_limit_gives_nothing_and_no_error(tmp_path):
    """A FIFO queue with 120,000 (here 2) in flight answers an empty receive, as documented."""
    with server_in_thread(tmp_path, Limits(fifo_in_flight=2)) as client:
        queue = make_queue(client, fifo=True)
        for group in "abc":
            queue.send_fifo("m", group=group)
        held = queue.receive()
        assert len(held) == 2
        assert queue.receive() == []
        queue.delete(held[0])
        assert len(queue.receive()) == 1


def test_malformed_requests_get_sqs_errors_and_never_a_500(sqs_server):
    """No JSON, wrong types, missing members, unknown operations, no signature: 4xx in the protocol's own form."""
    queue = make_queue(sqs_server.client())
    signed = "AWS4-HMAC-SHA256 Credential=AKIAUSER/20260101/r/sqs/aws4_request"
    send = {"X-Amz-Target": "AmazonSQS.SendMessage", "Authorization": signed}
    cases = [
        ({}, b"{}", "MissingAuthenticationToken"),
        ({"Authorization": signed}, b"{}", "InvalidAction"),
        ({**send, "X-Amz-Target": "AmazonSQS.Nothing"}, b"{}", "InvalidAction"),
        (send, b"not json", "MalformedInput"),
        (send, b"[1]", "MalformedInput"),
        (send, b"\xff\xfe", "MalformedInput"),
        (send, b"{}", "MissingParameter"),
        (send, json.dumps({"QueueUrl": 7}).encode(), "MalformedInput"),
        (send, json.dumps({"QueueUrl": "elsewhere"}).encode(), "InvalidAddress"),
        (send, json.dumps({"QueueUrl": queue.url}).encode(), "MissingParameter"),
        (send, json.dumps({"QueueUrl": queue.url, "MessageBody": {}}).encode(), "MalformedInput"),
        (send, json.dumps({"QueueUrl": queue.url, "MessageBody": "\ud800"}).encode(), "InvalidMessageContents"),
        (
            send,
            json.dumps({"QueueUrl": queue.url, "MessageBody": "m", "MessageAttributes": {"a": 1}}).encode(),
            "InvalidParameterValue",
        ),
    ]
    for headers, body, code in cases:
        status, answered, payload = _post(sqs_server.endpoint, headers, body)
        assert 400 <= status < 500, (body, status)
        assert answered["x-amzn-query-error"] == f"{code};Sender", body
        assert set(json.loads(payload)) == {"__type", "message"}


def test_query_protocol_gets_a_clear_refusal(sqs_server):
    """The old form-encoded protocol is answered in its own XML: use an SDK that speaks JSON."""
    status, _, payload = _post(
        sqs_server.endpoint, {"Content-Type": "application/x-www-form-urlencoded"}, b"Action=ListQueues"
    )
    assert status == 400
    assert b"<Code>UnsupportedOperation</Code>" in payload
    assert b"JSON protocol" in payload


def _post(endpoint, headers, body):
    headers = {"Content-Type": "application/x-amz-json-1.0", **headers}
    request = urllib.request.Request(endpoint + "/", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
