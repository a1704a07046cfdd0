"""The handlers, with events as Lambda hands them over: partial batch responses, and nothing personal in the logs."""

from __future__ import annotations

import importlib
import json
import sys
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass

import pytest

from shared.ids import new_id
from tests.fixtures.provisioning import BACKEND


@dataclass
class Context:
    function_name: str = "f"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:f"
    aws_request_id: str = "request-1"


def event(bodies, groups=None):
    records = []
    for number, body in enumerate(bodies):
        attributes = {"SenderId": f"{BACKEND}:session", "ApproximateReceiveCount": "1"}
        if groups:
            attributes |= {"MessageGroupId": groups[number], "SequenceNumber": str(number)}
        records.append(
            {
                "messageId": f"message-{number}",
                "receiptHandle": "r",
                "body": body,
                "attributes": attributes,
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:q",
                "awsRegion": "eu-central-1",
            }
        )
    return {"Records": records}


@pytest.fixture
def load(desk, lane, kms_key, monkeypatch):
    """A handler module, imported anew with its own environment."""

    def loaded(name, **environment):
        key = urlsafe_b64encode(bytes(range(32))).decode()
        values = {
            "DATABASE_URL": desk.dsn,
            "KMS_DATA_KEY_ID": kms_key,
            "PSEUDONYM_KEY": key,
            "LINK_KEY": key,
            "ISSUER": "http://localhost:9000",
            "EMAIL_FROM": "no-reply@example.com",
            "SES_CONFIGURATION_SET": f"set-{name}",
            "POWERTOOLS_TRACE_DISABLED": "true",
        } | environment
        for setting, value in values.items():
            monkeypatch.setenv(setting, value)
        module = f"functions.{name}.handler"
        sys.modules.pop(module, None)
        handler = importlib.import_module(module)
        opened.append(handler)
        return handler

    opened = []
    yield loaded
    for handler in opened:
        handler.database.close()


def failed(answer):
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def test_bad_commands_are_acknowledged_with_the_good_ones(desk, load, capsys):
    good = desk.message("user.create", "h-1", {"email": "canary-h1@example.com", "profile": {"name": "Canary Name"}})
    follow = desk.message("user.disable", "h-1")
    answer = load("provision_user").handler(
        event([good.body, "{not json", follow.body], ["h-1", "h-2", "h-1"]), Context()
    )
    assert failed(answer) == []
    assert desk.user("h-1")["status"] == "disabled"
    logged = capsys.readouterr().out
    assert good.body not in logged
    assert "canary" not in logged.lower()


def test_a_fault_of_the_infrastructure_brings_its_group_back_and_no_other(desk, load):
    needs_kms = desk.message("user.create", "h-3", {"email": "h-3@example.com"})
    behind = desk.message("user.disable", "h-3")
    other = desk.message("user.disable", "h-4")
    bodies, groups = [needs_kms.body, other.body, behind.body], ["h-3", "h-4", "h-3"]
    broken = load("provision_user", KMS_DATA_KEY_ID=str(uuid.uuid4()))
    assert failed(broken.handler(event(bodies, groups), Context())) == ["message-0", "message-2"]
    assert not desk.rows("SELECT 1 FROM users")
    assert [row["reason"] for row in desk.parked()] == ["user_not_found"]
    assert failed(load("provision_user").handler(event(bodies, groups), Context())) == []
    assert desk.user("h-3")["status"] == "disabled"


def test_one_bad_mail_does_not_hold_up_the_batch(desk, load, lane, mail_room):
    ses = lane.cloud.client("sesv2")
    ses.create_email_identity(EmailIdentity="no-reply@example.com")
    ses.create_configuration_set(ConfigurationSetName="set-send_email")
    good = mail_room.queue(mail_room.add_user("one@example.com"))
    bad = mail_room.queue(mail_room.add_user("жук@example.com"))
    bodies = [json.dumps({"email_id": str(identifier), "version": 1}) for identifier in (bad, good, new_id())]
    answer = load("send_email").handler(event([*bodies, "{"]), Context())
    assert failed(answer) == ["message-2", "message-3"]
    assert [mail_room.row(identifier)["state"] for identifier in (bad, good)] == ["failed", "sent"]
    assert mail_room.row(good)["ses_message_id"]


def test_feedback_of_a_batch_is_recorded_and_what_is_malformed_comes_back(desk, load, mail_room):
    email_id = mail_room.queue(mail_room.add_user())
    mail_room.deliver(email_id)
    detail = {"eventType": "Delivery", "mail": {"messageId": "ses-1", "tags": {"mail_id": [str(email_id)]}}}
    body = json.dumps({"source": "aws.ses", "detail": detail})
    answer = load("record_email_feedback").handler(event([body, "?", body]), Context())
    assert failed(answer) == ["message-1"]
    assert mail_room.row(email_id)["state"] == "delivered"
    assert len(desk.events("email.delivered")) == 1


def test_a_wrong_setting_is_named_and_its_value_is_not_shown(load, capsys):
    with pytest.raises(SystemExit) as exit_status:
        load("send_email", LINK_KEY="canary-too-short", SEND_LOOKUP_SECONDS="soon")
    assert exit_status.value.code == 2
    told = capsys.readouterr().err
    assert "LINK_KEY" in told
    assert "SEND_LOOKUP_SECONDS" in told
    assert "canary" not in told
