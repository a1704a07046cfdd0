"""Replies hold no personal data; a queue that is gone stops nobody; one that can't be reached brings the command back."""

from __future__ import annotations

import json
import logging

import pytest
from botocore.exceptions import EndpointConnectionError

from functions.provision_user.hint import RedisHint
from functions.provision_user.message import Outcome
from functions.provision_user.reply import SqsReply
from shared.ids import new_id


def outcome(queue_url):
    return Outcome(
        "AROA", "c-1", "user.create", "parked", "email_taken", "payload.email: taken", new_id(), False, queue_url
    )


def test_the_sender_hears_state_and_reason_on_its_own_queue(lane):
    told = outcome(lane.email_queue)
    SqsReply(logging.getLogger())(told)
    (body,) = lane.take_all(lane.email_queue)
    reply = json.loads(body)
    assert (reply["command_id"], reply["state"], reply["reason"]) == ("c-1", "parked", "email_taken")
    assert set(reply) == {"version", "command_id", "type", "state", "reason", "detail", "user_id"}


def test_a_sender_without_a_reply_queue_hears_nothing_and_needs_no_aws():
    SqsReply(logging.getLogger())(outcome(None))


def test_a_reply_queue_that_is_gone_is_logged_and_the_command_stays_done(lane, caplog):
    SqsReply(logging.getLogger("replies"))(outcome(lane.email_queue + "-gone"))
    assert "a reply queue is gone" in caplog.text


def test_a_reply_queue_that_cannot_be_reached_brings_the_command_back(lane, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(EndpointConnectionError):
        SqsReply(logging.getLogger())(outcome("http://127.0.0.1:9/000000000000/q"))


def test_a_lost_hint_harms_nobody():
    hint = RedisHint("redis://:x@127.0.0.1:9")
    for _ in range(3):
        hint([new_id()])


def test_a_hint_reaches_those_who_listen(redis_url):
    import redis

    user_id = new_id()
    with redis.Redis.from_url(redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe("authority-changed")
        listener.get_message(timeout=2)
        RedisHint(redis_url)([user_id])
        for _ in range(20):
            if (heard := listener.get_message(timeout=0.5)) is not None:
                break
        assert heard["data"] == f"user:{user_id}".encode()
