"""SQS: standard queues"""

from __future__ import annotations

import base64
import hashlib
import threading
import time

import pytest
from botocore.exceptions import ClientError

from tests.local.sqs_server import SENDERS, bodies, make_queue, refused

MIB = 1_048_576


def test_sent_message_is_received_with_its_attributes_and_checksums(sqs):
    """Body, message attributes of all three types and AWSTraceHeader arrive as sent; boto3 verifies every MD5."""
    queue = make_queue(sqs)
    attributes = {
        "text": {"DataType": "String", "StringValue": "grüße"},
        "number": {"DataType": "Number.int", "StringValue": "42"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5e3d83c1-e6a0db584850d61342823d4c"}}
    sent = queue.send("ünïcode \U0001f600", MessageAttributes=attributes, MessageSystemAttributes=trace)
    (message,) = queue.receive()
    assert message["Body"] == "ünïcode \U0001f600"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"] == hashlib.md5(message["Body"].encode()).hexdigest()
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["AWSTraceHeader"].startswith("Root=1-")
    assert set(message["Attributes"]) == {
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "AWSTraceHeader",
    }


def test_sender_id_comes_from_the_access_key_that_signed(sqs_server):
    """SenderId is who the access key id belongs to, whatever the message says of itself."""
    queue = make_queue(sqs_server.client())
    claim = {"SenderId": {"DataType": "String", "StringValue": "AIDASOMEONEELSE"}}
    for key in ("AKIAUSER", "AKIAROLE"):
        sqs_server.client(key).send_message(QueueUrl=queue.url, MessageBody=key, MessageAttributes=claim)
    seen = {message["Body"]: message["Attributes"]["SenderId"] for message in queue.receive_within(count=2)}
    assert seen == {"AKIAUSER": SENDERS["AKIAUSER"], "AKIAROLE": SENDERS["AKIAROLE"]}


def test_unknown_access_key_is_refused(sqs_server):
    """A request signed with an access key that nobody has gets InvalidClientTokenId (403)."""
    with pytest.raises(ClientError) as raised:
        sqs_server.client("AKIASTRANGER").list_queues()
    assert raised.value.response["Error"]["Code"] == "InvalidClientTokenId"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_received_message_is_hidden_until_its_visibility_timeout_is_over(sqs):
    """In flight it is nobody else's; after the visibility timeout it comes again, counted, with a new receipt handle."""
    queue = make_queue(sqs, VisibilityTimeout="1")
    queue.send("m")
    (first,) = queue.receive()
    assert queue.receive() == []
    assert queue.counts() == (0, 1, 0)
    (again,) = queue.receive_within()
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    first_received = first["Attributes"]["ApproximateFirstReceiveTimestamp"]
    assert again["Attributes"]["ApproximateFirstReceiveTimestamp"] == first_received
    assert again["ReceiptHandle"] != first["ReceiptHandle"]


def test_receive_can_choose_its_own_visibility_timeout(sqs):
    """VisibilityTimeout of ReceiveMessage overrides the queue's; 0 leaves the message visible."""
    queue = make_queue(sqs)
    queue.send("m")
    assert bodies(queue.receive(VisibilityTimeout=0)) == ["m"]
    assert bodies(queue.receive(VisibilityTimeout=1)) == ["m"]
    assert queue.receive() == []
    assert bodies(queue.receive_within()) == ["m"]


def test_visibility_can_be_ended_and_extended(sqs):
    """ChangeMessageVisibility to 0 gives the message back at once; a longer one holds it beyond the queue's timeout."""
    queue = make_queue(sqs, VisibilityTimeout="1")
    queue.send("m")
    (message,) = queue.receive()
    queue.change_visibility(message, 0)
    (message,) = queue.receive()
    queue.change_visibility(message, 30)
    assert queue.receive(WaitTimeSeconds=2) == []


def test_visibility_of_a_message_not_in_flight_cannot_change(sqs):
    """MessageNotInflight once it is visible again; InvalidParameterValue when deleted; never beyond 12 hours in all."""
    queue = make_queue(sqs)
    queue.send("m")
    (message,) = queue.receive()
    with refused("InvalidParameterValue"):
        queue.change_visibility(message, 43_201)
    queue.change_visibility(message, 0)
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        queue.change_visibility(message, 5)
    (message,) = queue.receive()
    queue.delete(message)
    with refused("InvalidParameterValue"):
        queue.change_visibility(message, 5)


def test_visibility_counts_from_the_receive_for_at_most_twelve_hours(sqs):
    """A change that would hold the message longer than 12 hours after its receive is refused."""
    queue = make_queue(sqs)
    queue.send("m")
    (message,) = queue.receive()
    sqs.list_queues()  # so that at least a millisecond has passed
    with pytest.raises(ClientError, match="Total VisibilityTimeout"):
        queue.change_visibility(message, 43_200)


def test_deleted_message_never_comes_again_and_deleting_twice_is_no_error(sqs):
    """DeleteMessage is idempotent, also after the visibility timeout of a message that nobody received again."""
    queue = make_queue(sqs, VisibilityTimeout="0")
    queue.send("m")
    (message,) = queue.receive()
    queue.delete(message)
    queue.delete(message)
    assert queue.receive() == []


def test_old_receipt_handle_says_yes_but_keeps_the_message(sqs):
    """A standard queue accepts a receipt handle that a later receive replaced; the message is not deleted."""
    queue = make_queue(sqs)
    queue.send("m")
    (old,) = queue.receive(VisibilityTimeout=0)
    (new,) = queue.receive()
    queue.delete(old)
    queue.change_visibility(new, 0)
    assert bodies(queue.receive()) == ["m"]


def test_foreign_receipt_handle_is_invalid(sqs):
    """ReceiptHandleIsInvalid for what is no receipt handle, or another queue's."""
    queue, other = make_queue(sqs), make_queue(sqs)
    other.send("m")
    (message,) = other.receive()
    for handle in ("nonsense", "bm9uc2Vuc2U=", message["ReceiptHandle"]):
        with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
            queue.delete({"ReceiptHandle": handle})


def test_delayed_message_appears_after_its_delay(sqs):
    """DelaySeconds of the message, else of the queue; counted as delayed until then."""
    queue = make_queue(sqs, DelaySeconds="1")
    queue.send("by queue")
    queue.send("at once", DelaySeconds=0)
    assert queue.counts() == (1, 0, 1)
    assert bodies(queue.receive()) == ["at once"]
    assert bodies(queue.receive_within()) == ["by queue"]


def test_long_poll_is_woken_by_a_send(sqs):
    """A receive that waits answers as soon as a message is there, long before WaitTimeSeconds is over."""
    queue = make_queue(sqs)
    found = []
    poller = threading.Thread(target=lambda: found.extend(queue.receive(WaitTimeSeconds=20)))
    started = time.monotonic()
    poller.start()
    queue.send("m")
    poller.join(15)
    assert bodies(found) == ["m"]
    assert time.monotonic() - started < 15


def test_long_poll_wakes_when_a_visibility_timeout_ends(sqs):
    """The queue's ReceiveMessageWaitTimeSeconds is the default wait, and a message that becomes visible ends it."""
    queue = make_queue(sqs, VisibilityTimeout="1", ReceiveMessageWaitTimeSeconds="10")
    queue.send("m")
    queue.receive()
    assert bodies(queue.receive()) == ["m"]


def test_hung_up_long_poll_takes_no_message(sqs_server):
    """A client that died during its long poll gets nothing: the message stays for those who live."""
    import socket

    queue = make_queue(sqs_server.client())
    body = f'{{"QueueUrl": "{queue.url}", "WaitTimeSeconds": 20}}'
    request = (
        f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/x-amz-json-1.0\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential=AKIAUSER/20260101/r/sqs/aws4_request\r\n\r\n{body}"
    )
    dead = [socket.create_connection(("127.0.0.1", sqs_server.port)) for _ in range(5)]
    for connection in dead:
        connection.sendall(request.encode())
    assert queue.receive(WaitTimeSeconds=1) == []  # by now those polls wait
    for connection in dead:
        connection.close()
    queue.client.list_queues()  # a turn of the server's loop: it has seen them go
    queue.send("m")
    assert bodies(queue.receive_within(seconds=5)) == ["m"]


def test_batch_entries_succeed_and_fail_one_by_one(sqs):
    """SendMessageBatch answers for each entry; one bad entry keeps none of the others out."""
    queue = make_queue(sqs)
    entries = [{"Id": "good", "MessageBody": "m"}, {"Id": "bad", "MessageBody": "\x00"}]
    answer = sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "InvalidMessageContents", True)
    messages = queue.receive()
    handles = [{"Id": "a", "ReceiptHandle": messages[0]["ReceiptHandle"]}, {"Id": "b", "ReceiptHandle": "x"}]
    changes = [handle | {"VisibilityTimeout": 60} for handle in handles]
    changed = sqs.change_message_visibility_batch(QueueUrl=queue.url, Entries=changes)
    deleted = sqs.delete_message_batch(QueueUrl=queue.url, Entries=handles)
    for batch in (changed, deleted):
        assert [one["Id"] for one in batch["Successful"]] == ["a"]
        assert [one["Code"] for one in batch["Failed"]] == ["ReceiptHandleIsInvalid"]
    assert queue.counts() == (0, 0, 0)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest"),
        (
            [{"Id": str(n), "MessageBody": "m"} for n in range(11)],
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        ),
        ([{"Id": "same", "MessageBody": "m"}] * 2, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ([{"Id": "no spaces", "MessageBody": "m"}], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        (
            [{"Id": str(n), "MessageBody": "x" * (MIB // 2 + 1)} for n in range(2)],
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ],
)
def test_malformed_batch_is_refused_whole(sqs, entries, code):
    """Empty, more than ten entries, ids not distinct or not allowed, more than 1 MiB in all: each its own error."""
    queue = make_queue(sqs)
    with refused(code):
        sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
    assert queue.counts() == (0, 0, 0)


@pytest.mark.parametrize("body", ["\x00", "a\x0b", "\x1f", "\ufffe", "\uffff"])
def test_characters_outside_xml_are_refused(sqs, body):
    """InvalidMessageContents for characters outside #x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF."""
    queue = make_queue(sqs)
    with pytest.raises(sqs.exceptions.InvalidMessageContents):
        queue.send(body)
    queue.send("\t\n\r \ud7ff\ue000\ufffd\U00010000\U0010ffff")


def test_message_of_one_mebibyte_is_the_largest(sqs):
    """1,048,576 bytes pass, attributes included; one more is InvalidParameterValue; MaximumMessageSize lowers it."""
    queue = make_queue(sqs)
    queue.send("x" * MIB)
    (message,) = queue.receive()
    assert len(message["Body"]) == MIB
    with refused("InvalidParameterValue"):
        queue.send("x" * (MIB + 1))
    attribute = {"a": {"DataType": "String", "StringValue": "b"}}
    with refused("InvalidParameterValue"):
        queue.send("x" * (MIB - 7), MessageAttributes=attribute)
    queue.send("x" * (MIB - 8), MessageAttributes=attribute)
    queue.set(MaximumMessageSize="1024")
    with refused("InvalidParameterValue"):
        queue.send("é" * 513)


@pytest.mark.parametrize(
    "attribute",
    [
        {"aws.reserved": {"DataType": "String", "StringValue": "x"}},
        {"two..dots": {"DataType": "String", "StringValue": "x"}},
        {"name": {"DataType": "Text", "StringValue": "x"}},
        {"name": {"DataType": "Number", "StringValue": "many"}},
        {"name": {"DataType": "String", "StringValue": ""}},
        {f"n{i}": {"DataType": "String", "StringValue": "x"} for i in range(11)},
    ],
)
def test_malformed_message_attribute_is_refused(sqs, attribute):
    """Reserved or malformed names, unknown types, no value, a Number that is none, more than ten."""
    with refused("InvalidParameterValue"):
        make_queue(sqs).send("m", MessageAttributes=attribute)


def test_receive_returns_only_the_attributes_asked_for(sqs):
    """MessageAttributeNames by name, prefix.* and All; system attributes likewise; the MD5 is over what is returned."""
    queue = make_queue(sqs, VisibilityTimeout="0")
    queue.send("m", MessageAttributes={n: {"DataType": "String", "StringValue": n} for n in ("a.x", "a.y", "b")})
    (message,) = queue.receive(MessageAttributeNames=["a.*"], MessageSystemAttributeNames=["SentTimestamp"])
    assert set(message["MessageAttributes"]) == {"a.x", "a.y"}
    assert set(message["Attributes"]) == {"SentTimestamp"}
    (message,) = queue.receive(MessageAttributeNames=[], MessageSystemAttributeNames=[])
    assert not {"MessageAttributes", "Attributes", "MD5OfMessageAttributes"} & set(message)


@pytest.mark.parametrize(
    "members",
    [{"MaxNumberOfMessages": 0}, {"MaxNumberOfMessages": 11}, {"WaitTimeSeconds": 21}, {"VisibilityTimeout": 43_201}],
)
def test_receive_parameter_out_of_range_is_refused(sqs, members):
    """InvalidParameterValue for more than ten messages, a wait over 20 s, a visibility timeout over 12 h."""
    with refused("InvalidParameterValue"):
        sqs.receive_message(QueueUrl=make_queue(sqs).url, **members)


def test_standard_queue_takes_a_group_but_no_deduplication_id(sqs):
    """MessageGroupId marks a tenant (fair queues) and orders nothing; MessageDeduplicationId is for FIFO queues only."""
    queue = make_queue(sqs)
    queue.send("one", MessageGroupId="tenant")
    queue.send("two", MessageGroupId="tenant")
    assert [message["Attributes"]["MessageGroupId"] for message in queue.receive_within(count=2)] == ["tenant"] * 2
    with refused("InvalidParameterValue"):
        queue.send("three", MessageDeduplicationId="d")


def test_binary_attribute_is_counted_and_returned_decoded(sqs):
    """BinaryValue travels as base64 and counts with its decoded size."""
    queue = make_queue(sqs, MaximumMessageSize="1024")
    value = base64.b64decode("AAEC") * 300
    queue.send("m", MessageAttributes={"b": {"DataType": "Binary", "BinaryValue": value}})
    (message,) = queue.receive()
    assert message["MessageAttributes"]["b"]["BinaryValue"] == value
